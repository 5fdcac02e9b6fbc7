"""Under `math`, the letter of an option is its text, whichever of the two the gold answer is."""

from __future__ import annotations

import pytest

from infogap.verify.base import Item
from infogap.verify.verifiers import grade

QUESTIONS = [
    r"What is $2+3$? $\textbf{(A)}\ 4 \qquad \textbf{(B)}\ 5 \qquad \textbf{(C)}\ \frac{1}{2} \qquad \textbf{(D)}\ 7$",
    "What is 2+3?\nA. 4\nB. 5\nC. 1/2\nD. 7",
]


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize(
    ("gold", "answer"),
    [
        ("B", "5"),
        ("B", "5.0"),
        ("5", "B"),
        ("C", "0.5"),
        ("0.5", r"\text{(C)}"),
        ("B", r"\textbf{(B)}\ 5"),
        (r"\textbf{(B)}\ 5", "B"),
        (r"\textbf{(B)}", "5"),
        ("(B) 5", "5"),
    ],
)
def test_a_letter_is_the_text_of_its_option(question: str, gold: str, answer: str) -> None:
    graded = grade(Item("math", question, gold, None, answer))
    assert (graded.verdict, graded.answer) == ("correct", answer)


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize(
    ("gold", "answer"),
    [("B", "4"), ("5", "A"), ("B", "A"), ("B", r"\textbf{(A)}\ 5"), ("B", "B or C"), ("B", "E"), ("E", "5")],
)
def test_another_option_is_wrong(question: str, gold: str, answer: str) -> None:
    assert grade(Item("math", question, gold, None, answer)).verdict == "wrong"


@pytest.mark.parametrize(("gold", "answer"), [("A", "a"), ("x", "a"), ("3", "c"), ("A", "x")])
def test_letters_of_parts_and_names_stay_letters(gold: str, answer: str) -> None:
    question = "(a) Find x. (b) Find y. (c) Find A."
    assert grade(Item("math", question, gold, None, answer)).verdict == "wrong"
