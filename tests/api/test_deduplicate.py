"""Near-duplicates among texts: which stay, of which a text is a duplicate, and other thresholds without a search."""

from __future__ import annotations

import random

import polars as pl
import pytest

import infogap


def variants() -> list[str | None]:
    """Texts of 60 words, each with copies of which some words differ."""
    draw = random.Random(3)
    texts: list[str | None] = [None, ""]
    for _ in range(30):
        words = [f"w{draw.randrange(500)}" for _ in range(60)]
        for changes in (0, 0, 1, 2, 4, 8):
            changed = list(words)
            for place in draw.sample(range(60), changes):
                changed[place] = f"x{draw.randrange(500)}"
            texts.append(" ".join(changed))
    return texts


def test_every_removal_names_a_kept_text_and_how_similar_they_are() -> None:
    texts = variants()
    result = infogap.deduplicate(texts, 0.6)
    removed = set(result.removed["row"])
    assert removed and removed.isdisjoint(result.kept)
    assert sorted([*removed, *result.kept]) == list(range(len(texts)))
    assert set(result.removed["duplicate_of"]) <= set(result.kept)
    assert result.removed["jaccard"].min() >= 0.6  # type: ignore[operator]
    assert {0, 1} <= set(result.kept)


def test_another_threshold_gives_what_a_search_there_gives() -> None:
    texts = variants()
    searched = infogap.deduplicate(pl.Series(texts), 0.5)
    for threshold in (0.5, 0.7, 0.9, 1.0):
        fresh = infogap.deduplicate(texts, threshold)
        again = searched.at(threshold)
        assert again.kept == fresh.kept
        assert again.removed.equals(fresh.removed)
        assert again.threshold == threshold
    with pytest.raises(infogap.InputError, match=r"compared at 0\.5"):
        searched.at(0.4)


def test_thresholds_are_checked_and_nothing_is_nothing() -> None:
    with pytest.raises(infogap.InputError, match="threshold"):
        infogap.deduplicate(["a"], 1.5)
    empty = infogap.deduplicate([])
    assert (empty.kept, empty.removed.height) == ([], 0)


def test_a_single_text_is_not_read_letter_by_letter() -> None:
    with pytest.raises(infogap.InputError, match="is a single text; pass a list"):
        infogap.deduplicate("Wait, perhaps it is 3.")
