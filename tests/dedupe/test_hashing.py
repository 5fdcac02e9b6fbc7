"""Hashes of words and n-grams: equal exactly where the words are."""

from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from dedupe.plain_search import grams, held, jaccard, words
from infogap.dedupe.corpus import Corpus
from infogap.dedupe.hashing import hashed

# Text without surrogates, which no column of a table holds, and with what is special to words.
CHARACTERS = st.one_of(
    st.characters(blacklist_categories=["Cs"]),
    st.sampled_from(" \t\n\x0b\x1c\x85\xa0\u1680\u2003\u2028\u3000aAbB.é海洋。กខកͅΣσ𠀀😀"),
)
TEXTS = st.lists(st.text(CHARACTERS, max_size=40), min_size=1, max_size=6)


@settings(max_examples=300, deadline=None)
@given(TEXTS, st.integers(1, 6))
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
@given(TEXTS)
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
