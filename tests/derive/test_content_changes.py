"""Content changes: digits, the final answer, and what follows it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given

from derive.texts import SHARES, TRACES
from infogap.derive.changed_trace import Draws, NothingToChangeError, TraceText
from infogap.derive.content_changes import corrupt_digits, cut_after_answer, wrong_answer


@given(trace=TRACES, share=SHARES)
def test_a_share_of_the_digits_changes_and_nothing_else(trace: TraceText, share: float) -> None:
    try:
        changed = corrupt_digits(trace, Draws(1).of(trace, "corrupt_digits"), share)
    except NothingToChangeError:
        return
    before, after = trace.thought().text(), (changed.reasoning if trace.reasoning.strip() else changed.response)
    after = after[: len(before)]
    digits = [(one, other) for one, other in zip(before, after, strict=True) if re.match("[0-9]", one)]
    assert sum(one != other for one, other in digits) == max(1, int(share * len(digits) + 0.5))
    assert re.sub("[0-9]", "0", before) == re.sub("[0-9]", "0", after)


def test_the_final_answer_becomes_another_of_its_form() -> None:
    trace = TraceText(
        "t", "What is 2 + 3?", "First 2.\n\nSo the answer is 5.", "As 5 = 5, it is \\boxed{5}, not 15.", "5"
    )
    changed = wrong_answer(trace, Draws(1).of(trace, "wrong_answer"))
    found = re.search(r"boxed\{(\d+)\}", changed.response)
    assert found and found[1] != "5"
    assert changed.response == f"As 5 = 5, it is \\boxed{{{found[1]}}}, not 15."
    assert changed.reasoning == f"First 2.\n\nSo the answer is {found[1]}."


def test_an_option_becomes_another_option() -> None:
    question = "Which?\nA) one\nB) two\nC) three"
    trace = TraceText("t", question, "", "The answer is (B)", "B")
    assert re.fullmatch(r"The answer is \([AC]\)", wrong_answer(trace, Draws(1).of(trace, "x")).response)


@pytest.mark.parametrize(
    ("trace", "why"),
    [
        (TraceText("t", "", "", "No answer.", None), "states no answer"),
        (TraceText("t", "", "", "It is \\boxed{\\frac{1}{2}}", "0.5"), "does not stand"),
    ],
)
def test_there_must_be_an_answer(trace: TraceText, why: str) -> None:
    with pytest.raises(NothingToChangeError, match=why):
        wrong_answer(trace, Draws(1).of(trace, "x"))


def test_what_follows_the_first_statement_of_the_answer_goes() -> None:
    thought = "First 2.\n\nSo the answer is 5.\n\nWait, let me check. 2 + 3 = 5.\n\nYes, the answer is 5."
    trace = TraceText("t", "", thought, "\\boxed{5}", "5")
    assert cut_after_answer(trace).reasoning == "First 2.\n\nSo the answer is 5."
    assert cut_after_answer(trace).response == "\\boxed{5}"


def test_without_a_thought_the_last_step_of_the_response_stays() -> None:
    trace = TraceText("t", "", "", "So the answer is 5.\n\nLet me check.\n\nIt is \\boxed{5}.", "5")
    assert cut_after_answer(trace).response == "So the answer is 5.\n\nIt is \\boxed{5}."


@pytest.mark.parametrize(
    ("thought", "why"),
    [
        ("One.\n\nTwo.", "does not state the answer"),
        ("One.\n\nThe answer is 7.\n\nNo.", "does not state the answer"),
        ("One.\n\nThe answer is 5.", "nothing follows"),
    ],
)
def test_where_there_is_nothing_to_cut(thought: str, why: str) -> None:
    with pytest.raises(NothingToChangeError, match=why):
        cut_after_answer(TraceText("t", "", thought, "\\boxed{5}", "5"))
