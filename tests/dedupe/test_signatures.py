"""Signatures are datasketch's own."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from datasketch import MinHash
from hypothesis import given, settings
from hypothesis import strategies as st

from dedupe.reference import jaccard
from infogap.dedupe.ngram_hashes import hashed
from infogap.dedupe.signatures import SCHEME, SEED, signatures

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
