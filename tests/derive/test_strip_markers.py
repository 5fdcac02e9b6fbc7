"""Doubt is removed and content kept; at share 1 no marker of the categories is left."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from derive.texts import DOUBTS, LEXICON, SHARES, TRACES
from infogap.derive.changed_trace import Draws, NothingToChangeError, TraceText
from infogap.derive.strip_markers import strip_markers, without_doubt
from infogap.measure.phrase_patterns import Span
from infogap.recipe.derive_section import CATEGORIES, MarkerCategory
from infogap.text.text_batch import measured_text


def find(texts: list[str]) -> list[list[Span]]:
    return LEXICON.spans_of(texts, [""] * len(texts))


def stripped(trace: TraceText, share: float, categories: list[MarkerCategory] | None = None) -> TraceText:
    return strip_markers(trace, Draws(1).of(trace, "strip_markers"), share, LEXICON, categories or list(CATEGORIES))


@given(trace=TRACES, categories=st.lists(st.sampled_from(CATEGORIES), min_size=1, unique=True))
def test_at_share_1_no_marker_of_the_categories_is_left(trace: TraceText, categories: list[MarkerCategory]) -> None:
    try:
        changed = stripped(trace, 1, categories)
    except NothingToChangeError:
        return
    spans = LEXICON.spans(measured_text(changed.reasoning, changed.response), trace.question)
    assert not [span for span in spans if LEXICON.markers[span[2]] in categories]
    assert changed == stripped(trace, 1, categories)


@given(trace=TRACES, share=SHARES)
def test_boxes_formulas_and_numbers_of_content_stay(trace: TraceText, share: float) -> None:
    try:
        changed = stripped(trace, share)
    except NothingToChangeError:
        return
    for kept in ("\\boxed{5}", "$x = 5$", "\\[ 2 + 3 = 5 \\]", "print(2 + 3)"):
        assert measured_text(trace.reasoning, trace.response).count(kept) == measured_text(
            changed.reasoning, changed.response
        ).count(kept)


def test_a_smaller_share_strips_some_of_what_a_larger_one_does() -> None:
    text = " ".join(f"Maybe x{number} is {number}." for number in range(20))
    trace = TraceText("t", "", text, "5")
    left = [set(re.findall(r"Maybe (x\d+)", stripped(trace, share).reasoning)) for share in (0.25, 0.5, 1)]
    assert [len(each) for each in left] == [15, 10, 0] and left[1] < left[0]


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Wait, let me check that again.", ""),
        ("Hmm.", ""),
        ("Maybe the answer is 5.", "The answer is 5."),
        ("I think that 2 + 3 = 5, but let me double-check.", "2 + 3 = 5."),
        ("It seems that 5 is right.", "5 is right."),
        ("It might be that x is 5.", "x is 5."),
        ("This might work for n = 3.", "This will work for n = 3."),
        ("So x seems to be 5.", "So x is 5."),
        ("Perhaps I could verify by another approach: 3 + 2 = 5.", "3 + 2 = 5."),
        ("Wait, 3 + 2 = 5, so it is 5.", "3 + 2 = 5, so it is 5."),
        ("The value, probably, is 7.", "The value is 7."),
        ("So, I believe the sum is \\boxed{5}.", "The sum is \\boxed{5}."),
        ("Alternatively, x = 5.", "x = 5."),
        ("The sum is 5.", "The sum is 5."),
    ],
)
def test_what_is_left_reads_well(text: str, left: str) -> None:
    assert without_doubt([text], find) == [left]


def test_every_marker_of_the_lexicon_can_be_removed() -> None:
    texts = [f"{marker.capitalize()}, x = 5 holds." for marker in DOUBTS]
    texts += [f"Here {marker} we have x = 5 and y = 6." for marker in DOUBTS]
    assert not any(find(without_doubt(texts, find)))


def test_a_trace_without_doubt_is_left_alone() -> None:
    with pytest.raises(NothingToChangeError, match="no such marker"):
        stripped(TraceText("t", "", "2 + 3 = 5.", "\\boxed{5}"), 1)


def test_other_categories_stay() -> None:
    trace = TraceText("t", "", "Maybe x = 5. Wait, y = 6.", "\\boxed{5}")
    assert stripped(trace, 1, ["hedge"]).reasoning == "x = 5. Wait, y = 6."
