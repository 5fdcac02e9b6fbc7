"""Which traces stay: against a search through every pair, on texts that are alike in many ways."""

import random
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infogap.dedupe.bands import choose_bands
from infogap.dedupe.keep import Removal, Row, removals
from infogap.dedupe.minhash import share_a_band, signatures
from infogap.dedupe.shingles import jaccard, shingles

N = 3


def decide(rows: list[Row], texts: list[str], threshold: float) -> list[Removal]:
    sets = [shingles(text, N) for text in texts]
    table = np.stack(list(signatures(sets, 128)))
    return list(removals(rows, table, dict(enumerate(sets)), choose_bands(threshold, 128), threshold))


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
def test_a_trace_goes_only_for_a_kept_one_and_no_two_kept_ones_are_alike(seed: int, threshold: float) -> None:
    texts = list(dict.fromkeys(variants(seed, 8, 6) + variants(seed + 1, 4, 3)))
    drawn = random.Random(seed)
    rows = [
        Row(0, f"t{drawn.randrange(3)}", drawn.choice(["unguided", "answer"]), f"r{n:02d}", drawn.randrange(len(texts)))
        for n in range(20)
    ]
    found = {removal.trace_id: removal for removal in decide(rows, texts, threshold)}
    by_id = {row.trace_id: row for row in rows}
    similarity = {
        (one, other): jaccard(shingles(texts[one], N), shingles(texts[other], N))
        for one in range(len(texts))
        for other in range(len(texts))
    }
    for removal in found.values():
        row, keeper = by_id[removal.trace_id], by_id[removal.duplicate_of]
        assert keeper.trace_id not in found
        assert keeper.trace_id < row.trace_id
        assert removal.jaccard == similarity[row.text, keeper.text] >= threshold
        assert (removal.how == "exact") == (row.text == keeper.text)
        assert row.task_id != keeper.task_id or row.privilege == keeper.privilege
    for one, other in combinations([row for row in rows if row.trace_id not in found], 2):
        apart = one.task_id == other.task_id and one.privilege != other.privilege
        # A pair at the threshold meets with probability 0.995, one so far above it with all but certainty.
        assert apart or similarity[one.text, other.text] < threshold + 0.15


def test_a_chain_of_small_changes_is_not_collapsed_into_one() -> None:
    """Each text is like the next, the first is unlike the third: the first and the third stay."""
    words = [f"w{n}" for n in range(120)]
    texts = [" ".join([*words[5 * step :], *(f"new{n}" for n in range(5 * step))]) for step in range(5)]
    near = [jaccard(shingles(texts[0], N), shingles(text, N)) for text in texts]
    assert near[1] > 0.8 > near[3]
    rows = [Row(0, f"t{n}", "unguided", f"r{n}", n) for n in range(5)]
    kept = {row.trace_id for row in rows} - {removal.trace_id for removal in decide(rows, texts, near[1] - 0.01)}
    assert {"r0", "r2", "r4"} <= kept


def test_groups_do_not_meet() -> None:
    rows = [Row(0, "a", "unguided", "r0", 0), Row(1, "b", "unguided", "r1", 0)]
    assert decide(rows, ["one and the same text"], 0.8) == []


def test_a_removal_explains_itself() -> None:
    texts = [*variants(1, 1, 0), variants(1, 1, 0)[0] + " and more"]
    rows = [Row(0, "t", "unguided", f"r{n}", text) for n, text in enumerate([0, 0, 1])]
    exact, near = decide(rows, texts, 0.8)
    assert exact == Removal("r1", "r0", 1.0, "exact")
    assert str(exact) == "r1 has the same text as r0, which is kept"
    assert near.jaccard == pytest.approx(58 / 60)
    assert str(near) == "r2 shares 97% of its n-grams with r0, which is kept"


def test_only_texts_that_share_a_band_in_their_group_are_looked_at() -> None:
    near = variants(3, 2, 1)
    far = ["nothing in this text has anything to do with any of the other texts at all", "another one " * 3]
    table = np.stack(list(signatures((shingles(text, N) for text in [*near, *far]), 128)))
    bands = choose_bands(0.8, 128)
    assert share_a_band(table, np.zeros(4, dtype=np.int64), bands).tolist() == [True, True, False, False]
    assert not share_a_band(table, np.arange(4), bands).any()


def test_signatures_estimate_the_similarity() -> None:
    one, other = (shingles(text, N) for text in (variants(5, 9, 6)[2], variants(5, 9, 6)[7]))
    first, second = signatures([one, other], 1024)
    assert first.dtype == np.uint32
    assert np.mean(first == second) == pytest.approx(jaccard(one, other), abs=0.06)  # four standard errors
