"""pass@k is the share of all subsets of k samples that hold a right one."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infogap.effects.pass_at_k import pass_at_k, powers_of_two


@given(st.integers(1, 7), st.data())
def test_equals_a_count_of_all_subsets(n: int, data: st.DataObject) -> None:
    c, k = data.draw(st.integers(0, n)), data.draw(st.integers(1, n))
    samples = [True] * c + [False] * (n - c)
    subsets = list(combinations(samples, k))
    expected = sum(any(subset) for subset in subsets) / len(subsets)
    assert pass_at_k(np.array([n]), np.array([c]), k)[0] == pytest.approx(expected)


@given(st.integers(1, 400), st.data())
def test_grows_with_k_and_begins_at_the_pass_rate(n: int, data: st.DataObject) -> None:
    c = data.draw(st.integers(0, n))
    rates = [pass_at_k(np.array([n]), np.array([c]), k)[0] for k in powers_of_two(n)]
    assert rates[0] == pytest.approx(c / n)
    assert all(later >= earlier - 1e-12 for earlier, later in pairwise(rates))
    assert all(0 <= rate <= 1 for rate in rates)


def test_fewer_samples_than_k_give_no_rate() -> None:
    assert np.isnan(pass_at_k(np.array([3]), np.array([1]), 4)).all()
    assert powers_of_two(0) == []
    assert powers_of_two(9) == [1, 2, 4, 8]
