"""How signatures are cut into bands."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infogap.dedupe.bands import RECALL, Bands, choose_bands


def test_the_usual_threshold_has_21_bands_of_6() -> None:
    assert choose_bands(0.8, 128) == Bands(21, 6)
    assert Bands(21, 6).recall(0.8) == pytest.approx(1 - (1 - 0.8**6) ** 21)


@given(st.floats(0.2, 1), st.integers(32, 512))
def test_bands_are_the_longest_that_find_a_pair_at_the_threshold(threshold: float, num_perm: int) -> None:
    bands = choose_bands(threshold, num_perm)
    assert bands.count * bands.rows <= num_perm
    assert bands.count >= 2
    if bands.rows > 1:
        assert bands.recall(threshold) >= RECALL
    longer = range(bands.rows + 1, num_perm // 2 + 1)
    assert all(Bands(num_perm // rows, rows).recall(threshold) < RECALL for rows in longer)


def test_where_permutations_are_too_few_bands_are_single_rows() -> None:
    assert choose_bands(0.05, 16) == Bands(16, 1)
