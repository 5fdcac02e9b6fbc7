"""Targets by largest remainder, and what `uniform` spreads over."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from infogap.balance.axes import Axis


@given(st.lists(st.integers(1, 50), min_size=1, max_size=8), st.integers(0, 5000))
def test_targets_are_the_shares_to_within_one_trace(weights: list[int], size: int) -> None:
    shares = np.array(weights) / sum(weights)
    axis = Axis("family", tuple(f"f{n}" for n in range(len(weights))), tuple(shares.tolist()))
    targets = axis.targets(size, np.zeros(len(weights), dtype=np.int64))
    assert targets.sum() == size
    assert (np.abs(targets - shares * size) < 1).all()


def test_whole_quotas_are_taken_as_they_are() -> None:
    axis = Axis("verdict", ("correct", "wrong"), (0.9, 0.1))
    assert axis.targets(30, np.zeros(2, dtype=np.int64)).tolist() == [27, 3]


def test_equal_remainders_go_where_more_is_available() -> None:
    axis = Axis("family", ("a", "b", "c"), (1 / 3, 1 / 3, 1 / 3))
    assert axis.targets(4, np.array([1, 1, 9])).tolist() == [1, 1, 2]
    assert axis.targets(4, np.array([9, 9, 9])).tolist() == [2, 1, 1]


def test_a_cap_is_kept_where_the_shares_would_need_more() -> None:
    axis = Axis("family", ("a", "b", "c"), (1 / 3, 1 / 3, 1 / 3), caps=(0.2, 0.2, 0.2))
    available = np.array([9, 9, 9])
    assert axis.targets(3, available).tolist() == [0, 0, 0]
    assert axis.targets(10, available).tolist() == [2, 2, 2]
    assert Axis("family", ("a", "b"), (0.5, 0.5), caps=(2, 9)).targets(10, available[:2]).tolist() == [2, 8]
