"""Exact similarities, whatever fits in memory at once, and what a search at a higher threshold would find of them."""

from __future__ import annotations

import random

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dedupe.plain_search import held, jaccard
from dedupe.test_text_duplicates import variants
from infogap.dedupe import similar_pairs as module
from infogap.dedupe.corpus import Corpus
from infogap.dedupe.minhash import Items, candidates, choose_bands
from infogap.dedupe.similar_pairs import Pairs, similar

N = 3


def pairs_at(texts: list[str], threshold: float, *, verify: bool = True) -> Pairs:
    corpus = Corpus.read(lambda: held(pl.Series(texts[:5]), pl.Series(texts[5:])), N, 128, lambda _: None)
    items = Items(np.zeros(len(corpus.sizes), np.int64), np.arange(len(corpus.sizes)))
    found = candidates(items, corpus.signatures, choose_bands(threshold, 128), threshold)
    return similar(found, items, corpus, verify=verify)


def listed(pairs: Pairs) -> list[tuple[int, int, float]]:
    return list(zip(pairs.later.tolist(), pairs.earlier.tolist(), pairs.jaccard.tolist(), strict=True))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_the_jaccard_is_that_of_the_sets(seed: int) -> None:
    texts = list(dict.fromkeys(variants(seed, 12, 8)))
    for later, earlier, found in listed(pairs_at(texts, 0.6)):
        assert found == jaccard(texts[later], texts[earlier], N)


def test_texts_that_do_not_fit_in_memory_are_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = list(dict.fromkeys(variants(3, 40, 5)))
    whole = listed(pairs_at(texts, 0.6))
    assert len(whole) > 100
    monkeypatch.setattr(module, "GRAMS_AT_ONCE", 500)
    assert listed(pairs_at(texts, 0.6)) == whole


def test_without_verification_the_signatures_decide() -> None:
    texts = list(dict.fromkeys(variants(4, 12, 5)))
    exact, estimate = pairs_at(texts, 0.6), pairs_at(texts, 0.6, verify=False)
    assert exact.later.tolist() == estimate.later.tolist()
    assert estimate.jaccard == pytest.approx(exact.jaccard, abs=0.2)
    assert set((estimate.jaccard * 128).tolist()) <= set(map(float, range(129)))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([0.6, 0.7, 0.8, 0.9]))
def test_pairs_of_a_lower_threshold_hold_those_of_a_higher_one(seed: int, threshold: float) -> None:
    """Exactly those that a search at the higher one finds, whose longer bands miss some."""
    texts = list(dict.fromkeys(variants(seed, 15, random.Random(seed).randint(3, 12))))
    bands = choose_bands(threshold, 128)
    fresh = pairs_at(texts, threshold).reaching(threshold, bands, 128)
    taken = pairs_at(texts, 0.5).reaching(threshold, bands, 128)
    assert listed(taken) == listed(fresh)
