"""Compiled loops against Python's own words and sets, where they have corners: eight bytes at a time, hash tables."""

from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from dedupe.plain_search import words
from infogap.dedupe.minhash import word_hashes
from infogap.dedupe.pair_kernels import jaccards, merged, set_sizes

# Words of about eight bytes, with and without characters beyond ASCII, and what is between them.
WORDS = st.lists(st.sampled_from("abAZ@[~\x00\x7fé\u0130ß’海😀"), max_size=18).map("".join)
BETWEEN = st.sampled_from([" ", "\n", "\t", "  ", "\x1c", "\x85", "\u2003", "\u3000", "，"])
TEXTS = st.lists(st.tuples(WORDS, BETWEEN).map("".join), max_size=8).map("".join)
# Few different ones, also such as meet in a table's slots and run over its end.
HASHES = st.sampled_from([0, 1, 2, 7, 8, 15, 16, 2**32 - 1, 2**63, 2**64 - 1])
SETS = st.lists(st.lists(HASHES, max_size=12), min_size=1, max_size=5)


@settings(max_examples=500, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=5))
def test_a_word_has_one_hash_wherever_it_is(texts: list[str]) -> None:
    found, ends = word_hashes(pl.Series(texts, dtype=pl.String))
    expected = [words(text) for text in texts]
    assert np.diff(ends).tolist() == [len(of_text) for of_text in expected]
    hashes: dict[str, set[int]] = {}
    for word, value in zip((word for of_text in expected for word in of_text), found.tolist(), strict=True):
        hashes.setdefault(word, set()).add(value)
    assert all(len(values) == 1 for values in hashes.values())
    assert len(set().union(*hashes.values())) == len(hashes)


@settings(max_examples=300, deadline=None)
@given(SETS, st.data())
def test_the_jaccard_is_that_of_pythons_sets(sets: list[list[int]], data: st.DataObject) -> None:
    places = st.integers(0, len(sets) - 1)
    pairs = data.draw(st.lists(st.tuples(places, places), max_size=12))
    grams = np.array([gram for one in sets for gram in one], np.uint64)
    ends = np.cumsum([0, *(len(one) for one in sets)])
    one, other = np.array(pairs, np.int64).reshape(-1, 2).T
    found, sizes = np.empty(len(pairs)), np.empty(len(sets), np.int64)
    set_sizes(grams, ends, sizes)
    assert sizes.tolist() == [len(set(each)) for each in sets]
    jaccards(grams, ends, sizes, np.ascontiguousarray(one), np.ascontiguousarray(other), found)
    for (left, right), value in zip(pairs, found.tolist(), strict=True):
        either = set(sets[left]) | set(sets[right])
        assert value == (len(set(sets[left]) & set(sets[right])) / len(either) if either else 1.0)


@settings(max_examples=200, deadline=None)
@given(st.sets(HASHES), st.sets(HASHES))
def test_two_sorted_arrays_merge_into_one(one: set[int], other: set[int]) -> None:
    first, second = (np.array(sorted(each), np.uint64) for each in (one, other))
    assert merged(first, second).tolist() == sorted(one | other)
