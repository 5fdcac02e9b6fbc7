"""Which pairs of texts are looked at: those that share a band, in their group, and not the square of their number."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from datasketch import MinHash
from hypothesis import given, settings
from hypothesis import strategies as st

from dedupe.plain_search import grams, held, jaccard, words
from infogap.dedupe import minhash as module
from infogap.dedupe.corpus import Corpus
from infogap.dedupe.minhash import (
    RECALL,
    SCHEME,
    SEED,
    Bands,
    Items,
    candidates,
    choose_bands,
    fewest_agreeing,
    hashed,
    signatures,
)

# Text without surrogates, which no column of a table holds, and with what is special to words.
CHARACTERS = st.one_of(
    st.characters(blacklist_categories=["Cs"]),
    st.sampled_from(" \t\n\x0b\x1c\x85\xa0\u1680\u2003\u2028\u3000aAbB.é海洋。กខកͅΣσ𠀀😀"),
)
FEW_TEXTS = st.lists(st.text(CHARACTERS, max_size=40), min_size=1, max_size=6)


@settings(max_examples=300, deadline=None)
@given(FEW_TEXTS, st.integers(1, 6))
def test_n_grams_are_equal_where_their_words_are(texts: list[str], n: int) -> None:
    found = hashed(pl.Series(texts, dtype=pl.String), n)
    by_hash: dict[int, set[tuple[str, ...]]] = {}
    for place, text in enumerate(texts):
        hashes = found.grams[found.ends[place] : found.ends[place + 1]].tolist()
        count = len(words(text))
        assert len(hashes) == (max(count - n + 1, 1) if count else 0)
        assert len(set(hashes)) == len(grams(text, n))
        parts = words(text)
        size = min(n, count)
        for start, value in enumerate(hashes):
            by_hash.setdefault(value, set()).add(tuple(parts[start : start + size]))
    assert all(len(different) == 1 for different in by_hash.values())
    assert len(by_hash) == len(set().union(*(grams(text, n) for text in texts)))


@settings(max_examples=300, deadline=None)
@given(FEW_TEXTS)
def test_digests_are_equal_where_words_are(texts: list[str]) -> None:
    digests = hashed(pl.Series(texts, dtype=pl.String), 5).digests
    for one, first in zip(texts, digests, strict=True):
        for other, second in zip(texts, digests, strict=True):
            assert (first == second) == (words(one) == words(other))


@settings(deadline=None)
@given(st.lists(st.text(CHARACTERS, min_size=1, max_size=30), min_size=2, max_size=6), st.integers(1, 3))
def test_sets_of_n_grams_have_the_jaccard_of_their_words(texts: list[str], n: int) -> None:
    texts = list({tuple(words(text)): text for text in texts if words(text)}.values())
    corpus = Corpus.read(lambda: held(pl.Series(texts, dtype=pl.String)), n, 16, lambda _: None)
    found, ends = corpus.grams(np.arange(len(texts)))
    for one in range(len(texts)):
        first = set(found[ends[one] : ends[one + 1]].tolist())
        for other in range(one):
            second = set(found[ends[other] : ends[other + 1]].tolist())
            assert len(first & second) / len(first | second) == jaccard(texts[one], texts[other], n)


def test_a_column_that_is_cut_out_of_another_has_its_own_texts() -> None:
    texts = pl.Series(["one two", "three four five", "six"])
    whole, part = hashed(texts, 2), hashed(texts[1:], 2)
    assert part.digests == whole.digests[1:]
    assert part.grams.tolist() == whole.grams[whole.ends[1] :].tolist()


def test_corpus_numbers_texts_as_they_come() -> None:
    batches = held(pl.Series(["a b", None, "A  B ", "c"]), pl.Series(["", "c", "d"]))
    corpus = Corpus.read(lambda: batches, 2, 16, lambda _: None)
    assert corpus.text_of_row.tolist() == [0, -1, 0, 1, -1, 1, 2]
    assert corpus.first_rows.tolist() == [0, 3, 6]
    found, ends = corpus.grams(np.array([0, 2]))
    assert ends.tolist() == [0, 1, 2]
    assert found.tolist() == [hashed(pl.Series([text]), 2).grams[0] for text in ("a b", "d")]


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
