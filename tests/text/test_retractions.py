"""Answers that a response takes back, and boxes in which it ends: neither is its answer."""

from __future__ import annotations

import pytest

from infogap.text.retractions import correction, is_taken_back
from infogap.text.stated_answers import every_stated, stated

CORRECTED = [
    "\\boxed{41}\n\nWait, that is wrong. The correct answer is 42.",
    "The final answer is \\boxed{41}.\n\nCorrection: the final answer is 42.",
    "\\boxed{41}\n\nActually, let me redo this. 6 * 7 = 42.\n\nSo the answer is 42.",
    "\\boxed{41}. Hmm, but this contradicts the condition. So the answer must be 42.",
    "\\boxed{41}\n\nLet me check the product again: 6 * 7 = 42.\nI made a mistake above.\n\n**Answer:** 42",
    "\\boxed{42}, or is it \\boxed{41}? No, 41 is odd.",
    "The answer is 42. The answer is 41. Oh no, that's not right.",
]
CONFIRMED = [
    "\\boxed{42}\n\nLet me double-check: 6 * 7 = 42. Correct. So the answer is 42.",
    "\\boxed{42}\n\nWait, no, 42 is right.",
    "\\boxed{42}\n\nCheck if there is an error: none. The answer is one of those above.",
    "The answer is 42. Wait, let me verify: 6 * 7 = 42.",
    "\\boxed{42}\n\nHad I made an error, the answer is 41.",
]


REMARKS = [
    "This is not the most elegant solution, but it works.",
    "It seems to be the right answer.",
    "This looks to be correct.",
    "It is not the only way to see it.",
    "That is not true of all n.",
    "Well, this is not possible to simplify further.",
    "It can't be the case that there are more.",
    "This was not so hard!",
    "It is impossible to do better.",
    "It is impossible.",
    "That is false for n > 3, which is why we take n = 3.",
    "This contradicts nothing.",
    "This fails for no other value.",
    "It is easy to make a mistake here.",
    "This isn't the same as 12.",
    "There is a mistake in the problem statement.",
    "We found the mistake that the student made.",
    "No 2 of them are equal.",
    "Actually, this should be obvious.",
    "Wait, this should be checked: 6 * 7 = 42.",
    "But this is not true in general.",
    "However, that is impossible to see at first.",
]
RETRACTIONS = [
    "That is wrong.",
    "Actually, that's incorrect: x is odd.",
    "That's not right.",
    "This can't be right.",
    "Wait, that cannot be correct!",
    "Hmm, that isn't possible, since x > 50.",
    "But that is impossible.",
    "But this fails for n = 2.",
    "Oops, it should be 41.",
    "No, 41.",
    "I made a mistake in my calculation.",
    "I was wrong.",
]


@pytest.mark.parametrize("remark", REMARKS)
def test_a_remark_after_an_answer_takes_nothing_back(remark: str) -> None:
    assert not is_taken_back(f". {remark}")
    assert stated(f"The answer is 42. {remark}") == "42"
    assert stated(f"The answer is 42.\n\n{remark}") == "42"
    assert stated(f"So the answer is \\boxed{{42}}. {remark}") == "42"


@pytest.mark.parametrize("remark", RETRACTIONS)
def test_a_judgement_that_ends_its_clause_takes_an_answer_back(remark: str) -> None:
    assert is_taken_back(f". {remark}")
    assert is_taken_back(f"$.\n\n{remark} So")


def test_a_relative_clause_takes_an_answer_back() -> None:
    assert stated("That would be \\boxed{41}, which is impossible.\nHence there is none.") is None


@pytest.mark.parametrize("response", [*CORRECTED, *CONFIRMED])
def test_the_answer_that_is_left_counts(response: str) -> None:
    assert stated(response) == "42"


@pytest.mark.parametrize(
    "response",
    [
        "The answer is 42.\n\nWait, actually I made an error; it should be 41.",
        "The answer is 42. No wait, 41.",
        "\\boxed{42}\n\nHmm, we found a small mistake there.",
    ],
)
def test_an_answer_that_is_taken_back_and_not_replaced_is_none(response: str) -> None:
    assert stated(response) is None


@pytest.mark.parametrize(
    "response", ["The final answer is \\boxed{4", "So the answer is $\\boxed{4", "Answer: \\boxed{\\frac{1}{4}"]
)
def test_a_box_that_the_response_does_not_close_holds_no_answer(response: str) -> None:
    assert stated(response) is None


def test_markers_of_changed_answers_still_see_the_first_box() -> None:
    assert every_stated("\\boxed{41}\n\nWait, that is wrong. The correct answer is 42.") == ["41", "42"]


def test_answers_in_other_tags() -> None:
    assert stated("<final_answer>42</final_answer>") == "42"
    assert stated("So it is <|begin_of_box|>42<|end_of_box|>") == "42"
    assert stated("So it is <|begin_of_box|>4", cut=True) is None


def test_a_long_text_is_searched_in_time() -> None:
    text = "wait, no, but oh, actually, hmm, I have found that I think that we " * 20_000
    assert not is_taken_back(text)
    assert correction(text) is None
