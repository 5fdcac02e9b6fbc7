"""Answers in JSON objects, as servers write that are asked for JSON."""

from __future__ import annotations

import pytest

from infogap.text.answer_objects import answer_in_object
from infogap.text.stated_answers import stated
from infogap.verify.verifiers.choice import VERIFIER


@pytest.mark.parametrize(
    "response",
    [
        '{"answer": 42}',
        '```json\n{"answer": "42"}\n```',
        '{"reasoning": "At first \\\\boxed{41}.", "Final Answer": 42}',
        '{"thought": "two\nlines", "answer": "The answer is 42."}',
        'Here it is:\n{"answer": "\\boxed{42}", "confidence": 0.9}',
    ],
)
def test_the_answer_of_an_object_is_stated(response: str) -> None:
    assert stated(response) == "42"


@pytest.mark.parametrize("answer", [r"\frac{1}{2}", r"\\frac{1}{2}"])
def test_a_command_of_latex_is_no_escape(answer: str) -> None:
    assert stated(f'{{"answer": "{answer}"}}') == r"\frac{1}{2}"


def test_digits_stay_as_they_are_written() -> None:
    assert answer_in_object('{"answer": 0.10000000000000000001}') == "0.10000000000000000001"


@pytest.mark.parametrize(
    "text",
    [
        '{"answer": null}',
        '{"answer": 41, "final_answer": 42}',
        '{"answer": [42]}',
        '{"answer": 4',
        r"\boxed{\{1, 2\}}",
        "{",
    ],
)
def test_other_texts_have_none(text: str) -> None:
    assert answer_in_object(text) is None


def test_an_option_in_an_object_counts_and_not_one_in_its_reasoning() -> None:
    question = "Which?\nA. Paris\nB. London"
    response = '{"answer": "London", "why": "I said that the answer is A."}'
    assert VERIFIER.final_answer(response, question, cut=False) == "London"
