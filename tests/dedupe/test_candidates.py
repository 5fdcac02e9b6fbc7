"""Which pairs of texts are looked at: those that share a band, in their group, and not the square of their number."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infogap.dedupe import candidates as module
from infogap.dedupe.bands import Bands, choose_bands
from infogap.dedupe.candidates import Items, candidates, fewest_agreeing

BANDS = Bands(count=4, rows=2)


def found(signatures: list[list[int]], groups: list[int] | None = None, threshold: float = 0.5) -> set[tuple[int, int]]:
    count = len(signatures)
    items = Items(np.array(groups or [0] * count), np.arange(count))
    pairs = candidates(items, np.array(signatures, np.uint32).reshape(count, -1), BANDS, threshold)
    return set(zip(pairs.later.tolist(), pairs.earlier.tolist(), strict=True))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(st.integers(0, 2), min_size=8, max_size=8), min_size=1, max_size=12), st.data())
def test_pairs_are_those_of_the_definition(signatures: list[list[int]], data: st.DataObject) -> None:
    groups = data.draw(st.lists(st.integers(0, 1), min_size=len(signatures), max_size=len(signatures)))
    least = fewest_agreeing(0.5, 8)
    expected = {
        (later, earlier)
        for later in range(len(signatures))
        for earlier in range(later)
        if groups[later] == groups[earlier]
        and any(signatures[later][b : b + 2] == signatures[earlier][b : b + 2] for b in range(0, 8, 2))
        and sum(a == b for a, b in zip(signatures[later], signatures[earlier], strict=True)) >= least
    }
    assert found(signatures, groups) == expected


def test_a_pair_at_the_threshold_agrees_enough_but_once_in_thousands() -> None:
    random = np.random.default_rng(1)
    for threshold, num_perm in ((0.5, 64), (0.8, 128), (0.95, 256)):
        agreeing = random.binomial(num_perm, threshold, size=200_000)
        assert np.mean(agreeing < fewest_agreeing(threshold, num_perm)) < 1e-3


def test_large_buckets_cost_no_square(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "VISITS", 10)
    monkeypatch.setattr(module, "PARTNERS", 3)
    alike = np.zeros((500, 128), np.uint32)
    items = Items(np.zeros(500, np.int64), np.arange(500))
    pairs = candidates(items, alike, choose_bands(0.8, 128), 0.8)
    assert len(pairs.later) == 3 * 500 - 6  # three partners each, but for the first three
    assert pairs.cut == 0  # who has found partners has not given up
    assert pairs.earlier.max() == 2
    # All share the first band, and are otherwise unlike each other.
    unlike = np.random.default_rng(1).integers(2**32, size=(500, 128), dtype=np.uint32)
    unlike[:, :6] = 1
    pairs = candidates(items, unlike, choose_bands(0.8, 128), 0.8)
    assert len(pairs.later) == 0
    assert pairs.cut == 500 - 11
