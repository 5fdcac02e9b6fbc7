"""Where markers stand in a trace."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infogap.measure.epistemic_markers import answer_changes, lexicon_entries
from infogap.measure.lexicon import Lexicon, load
from infogap.measure.marker_matches import MarkerMatches
from infogap.measure.phrase_patterns import Span


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("We add 2 and 3.", 0),
        (r"The answer is \boxed{5}.", 0),
        ("The answer is 5. Wait, no. The answer is 6.", 1),
        (r"So \boxed{5}. Hmm, let me check: \boxed{6}. No, it was right: \boxed{5}", 2),
        (r"The answer is 5. Final answer: $\boxed{ 5 }$", 0),
        ("Final answer: the answer is 5. 答案是5。所以答案为6。", 1),
        ("The answer is **5**.\n\n**Final answer**\n7", 1),
    ],
)
def test_changes(text: str, changes: int) -> None:
    assert answer_changes(text) == changes


def test_a_trace_that_loops_takes_no_time() -> None:
    """Token limits cut such traces off after some hundred thousand characters of one line; squared, that is minutes."""
    started = time.process_time()
    assert answer_changes(r"\boxed{5} the answer is 5. " * 20_000) == 0
    assert answer_changes("so the answer is 5. " * 20_000) == 0
    assert time.process_time() - started < 10


INFOGAP, KIM = load("infogap", Path), load("kim2026", Path)


def lexicon_row(lexicon: Lexicon, spans: list[Span], characters: int, reasoning: int, length: int) -> dict[str, Any]:
    """The entry of one trace, which stands between others that have markers, and none."""
    markers = list(lexicon.markers)
    matches = MarkerMatches.of(
        [(0, 0, 1, 0), *((1, start, end, markers.index(marker)) for start, end, marker in spans)]
    )
    entries = lexicon_entries(lexicon, matches, [9, characters, 0], [1, reasoning, 0], [3, length, 0])
    entry: dict[str, Any] = entries.to_list()[1]
    return entry


def test_places_categories_and_parts() -> None:
    reasoning = "Wait, perhaps it is 3."
    text = f"{reasoning}\nIt is 4. Hmm"
    row = lexicon_row(INFOGAP, INFOGAP.spans(text), len(text), len(reasoning), 10)
    assert row["epistemic_count"] == 3
    assert row["reasoning_count"] == 2
    assert row["first"] == 0
    assert row["quarters"] == [2, 0, 0, 1]
    assert row["epistemic_density"] == 300
    counted = {entry["category"]: entry["count"] for entry in row["categories"]}
    assert counted == {"hedge": 2, "self_correction": 1, "verification": 0, "alternative": 0, "ignorance": 0}


def test_nothing_found() -> None:
    row = lexicon_row(INFOGAP, INFOGAP.spans("It is 4."), 8, 0, 0)
    assert (row["epistemic_count"], row["first"], row["quarters"]) == (0, None, [0, 0, 0, 0])
    assert row["epistemic_density"] is None


@pytest.mark.parametrize("lexicon", [INFOGAP, KIM], ids=lambda lexicon: lexicon.name)
@given(st.lists(st.sampled_from(["wait", "maybe ", "checked", " 4", ". ", "\n", "也许", "İ", "unlikely"]), min_size=1))
def test_every_marker_is_in_one_quarter_one_category(lexicon: Lexicon, pieces: list[str]) -> None:
    text = "".join(pieces)
    row = lexicon_row(lexicon, lexicon.spans(text), len(text), len(text) // 2, 100)
    assert sum(row["quarters"]) == row["epistemic_count"]
    assert sum(entry["count"] for entry in row["categories"]) == row["epistemic_count"]
    assert sum(entry["count"] for entry in row["markers"]) == row["epistemic_count"]
    assert 0 <= row["reasoning_count"] <= row["epistemic_count"]
    assert row["first"] is None or 0 <= row["first"] < 1
