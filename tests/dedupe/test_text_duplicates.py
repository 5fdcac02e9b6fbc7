"""Which rows stay: against a search through every pair, on texts that are alike in many ways."""

from __future__ import annotations

import random
from itertools import combinations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dedupe.plain_search import held, jaccard, words
from infogap.dedupe.corpus import Corpus
from infogap.dedupe.minhash import candidates, choose_bands
from infogap.dedupe.similar_pairs import similar
from infogap.dedupe.text_duplicates import Removal, Rows, removals

N = 3


def decide(texts: list[str], threshold: float, **codes: list[int]) -> list[Removal]:
    """What goes of rows with these texts, in their order; `tasks`, `privileges` and `groups` by row."""
    corpus = Corpus.read(lambda: held(pl.Series(texts, dtype=pl.String)), N, 128, lambda _: None)
    count = len(texts)
    usual = {"tasks": list(range(count)), "privileges": [0] * count, "groups": [0] * count} | codes
    tasks, privileges, groups = (np.array(usual[name]) for name in ("tasks", "privileges", "groups"))
    rows = Rows(np.arange(count), groups, corpus.text_of_row, tasks, privileges)
    bands = choose_bands(threshold, 128)
    items, _ = rows.items()
    pairs = similar(candidates(items, corpus.signatures, bands, threshold), items, corpus, verify=True)
    return list(removals(rows, pairs.reaching(threshold, bands, 128)))


def variants(seed: int, count: int, changes: int) -> list[str]:
    """Copies of one text of 60 words, each with some words changed."""
    drawn = random.Random(seed)
    base = [f"w{drawn.randrange(500)}" for _ in range(60)]
    made = []
    for _ in range(count):
        text = list(base)
        for place in drawn.sample(range(60), drawn.randint(0, changes)):
            text[place] = f"w{drawn.randrange(500)}"
        made.append(" ".join(text))
    return made


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([0.5, 0.8, 0.95]))
def test_a_row_goes_only_for_a_kept_one_and_no_two_kept_ones_are_alike(seed: int, threshold: float) -> None:
    drawn = random.Random(seed)
    different = variants(seed, 8, 6) + variants(seed + 1, 4, 3)
    texts = [drawn.choice(different) for _ in range(20)]
    tasks, privileges = ([drawn.randrange(count) for _ in texts] for count in (3, 2))
    found = {removal.row: removal for removal in decide(texts, threshold, tasks=tasks, privileges=privileges)}
    for removal in found.values():
        row, keeper = removal.row, removal.duplicate_of
        assert keeper not in found
        assert keeper < row
        assert removal.jaccard == jaccard(texts[row], texts[keeper], N) >= threshold
        assert (removal.how == "exact") == (words(texts[row]) == words(texts[keeper]))
        assert tasks[row] != tasks[keeper] or privileges[row] == privileges[keeper]
    for one, other in combinations([row for row in range(len(texts)) if row not in found], 2):
        apart = tasks[one] == tasks[other] and privileges[one] != privileges[other]
        # A pair at the threshold meets with probability 0.995, one so far above it with all but certainty.
        assert apart or jaccard(texts[one], texts[other], N) < threshold + 0.15


def test_a_chain_of_small_changes_is_not_collapsed_into_one() -> None:
    """Each text is like the next, the first is unlike the third: the first and the third stay."""
    words = [f"w{n}" for n in range(120)]
    texts = [" ".join([*words[5 * step :], *(f"new{n}" for n in range(5 * step))]) for step in range(5)]
    near = [jaccard(texts[0], text, N) for text in texts]
    assert near[1] > 0.8 > near[3]
    kept = set(range(5)) - {removal.row for removal in decide(texts, near[1] - 0.01)}
    assert {0, 2, 4} <= kept


def test_groups_do_not_meet() -> None:
    assert decide(["one and the same text"] * 2, 0.8, groups=[0, 1]) == []


def test_a_copy_goes_with_the_text_that_it_copies_unless_it_may_not() -> None:
    """The copy of a text that has gone is a duplicate of what stays; under that one's other privilege it is none."""
    texts = [variants(1, 1, 0)[0], variants(1, 1, 0)[0] + " and more", variants(1, 1, 0)[0] + " AND more"]
    assert [(removal.row, removal.duplicate_of, removal.how) for removal in decide(texts, 0.8)] == [
        (1, 0, "minhash"),
        (2, 0, "minhash"),
    ]
    apart = decide(texts, 0.8, tasks=[0, 1, 0], privileges=[0, 0, 1])
    assert [(removal.row, removal.duplicate_of) for removal in apart] == [(1, 0)]
    assert apart[0].jaccard == pytest.approx(58 / 60)
