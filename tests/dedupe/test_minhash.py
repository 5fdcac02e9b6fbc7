"""Which pairs of texts are looked at: those that share a band, in their group, and not the square of their number."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from datasketch import MinHash
from hypothesis import given, settings
from hypothesis import strategies as st

from dedupe.plain_search import jaccard
from infogap.dedupe import minhash as module
from infogap.dedupe.hashing import hashed
from infogap.dedupe.minhash import (
    RECALL,
    SCHEME,
    SEED,
    Bands,
    Items,
    candidates,
    choose_bands,
    fewest_agreeing,
    signatures,
)

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


TEXTS = st.lists(st.text(st.characters(blacklist_categories=["Cs"]), max_size=60), min_size=1, max_size=5)


@settings(max_examples=60, deadline=None)
@given(TEXTS, st.integers(1, 5), st.sampled_from([16, 100, 128, 256]))
def test_signatures_are_those_of_datasketch(texts: list[str], n: int, num_perm: int) -> None:
    found = hashed(pl.Series(texts, dtype=pl.String), n)
    rows = signatures(found, num_perm)
    for place in range(len(texts)):
        theirs = MinHash(num_perm=num_perm, seed=SEED, hashfunc=int, scheme=SCHEME)
        grams = found.grams[found.ends[place] : found.ends[place + 1]]
        for value in (grams >> np.uint64(32)).tolist():
            theirs.update(value)
        assert rows[place].tolist() == theirs.hashvalues.tolist()


def test_signatures_estimate_the_similarity() -> None:
    words = [f"w{number}" for number in range(200)]
    one, other = " ".join(words[:150]), " ".join(words[30:])
    first, second = signatures(hashed(pl.Series([one, other]), 3), 1024)
    assert first.dtype == np.uint32
    assert np.mean(first == second) == pytest.approx(jaccard(one, other, 3), abs=0.06)  # four standard errors
