"""Targets by largest remainder, and what `uniform` spreads over."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infogap.balance.axes import Axis, read_axes
from infogap.errors import InputError
from infogap.recipe.mix_sections import Balance


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


def traces(*rows: tuple[str, str, str | None]) -> pl.DataFrame:
    schema = {"family": pl.String, "verdict": pl.String, "reason": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")


def test_uniform_is_over_values_that_can_be_chosen() -> None:
    table = traces(
        ("gcd", "correct", None),
        ("sums", "correct", None),
        ("sums", "ungradable", None),
        ("knights", "wrong", None),
        ("leaky", "correct", "leak"),
    )
    balance = Balance(verdict={"correct": 1.0}, family="uniform")
    axes, notes = read_axes(balance, table)
    assert axes == (Axis("verdict", ("correct",), (1.0,)), Axis("family", ("gcd", "sums"), (0.5, 0.5)))
    assert len(notes) == 1
    assert "knights" in notes[0]
    axes, _ = read_axes(Balance(verdict="uniform"), table)
    assert axes[0].values == ("correct", "wrong")


def test_the_order_of_a_recipe_s_shares_makes_no_difference() -> None:
    table = traces(("gcd", "correct", None), ("sums", "wrong", None))
    one = Balance(family={"gcd": 0.5, "sums": 0.5}, verdict={"wrong": 0.2, "correct": 0.8})
    other = Balance(family={"sums": 0.5, "gcd": 0.5}, verdict={"correct": 0.8, "wrong": 0.2})
    assert read_axes(one, table) == read_axes(other, table)


def test_a_misspelt_family_is_named_with_the_nearest_one() -> None:
    table = traces(("leg_counting", "correct", None), ("gcd", "correct", "duplicate"))
    with pytest.raises(InputError, match=r"balance\.family.*'leg_countin' \(did you mean 'leg_counting'\?\).*gcd"):
        read_axes(Balance(family={"leg_countin": 1.0}), table)
