"""Answers to questions with several parts: labelled in several ways, or listed in their order."""

from __future__ import annotations

import pytest

from infogap.verify.base import Item
from infogap.verify.verifiers import grade

SAME = [
    ("(a) 3, (b) 5", r"(a) 3 \quad (b) 5"),
    ("(a) 3; (b) 5", "a) 3, b) 5"),
    ("(a) 3, (b) 5", "3, 5"),
    ("3, 5", "(a) 3, (b) 5"),
    ("(1) 4 (2) 5", "4; 5"),
    ("①4；②5", "(1) 4, (2) 5"),
    ("（1）4；（2）5", "1) 4; 2) 5"),
    (r"(1) $\frac12$; (2) $x > 3$", r"(1) 0.5, (2) (3, \infty)"),
    ("(i) 3, (ii) 5, (iii) (1, 2)", "(i) 3 (ii) 5 (iii) (1,2)"),
    (r"\text{(a) } 3, \text{(b) } 5", "(a) 3, (b) 5"),
]
OTHER = [
    ("(a) 3, (b) 5", "(a) 5, (b) 3"),
    ("(a) 3, (b) 5", "5, 3"),
    ("(a) 3, (b) 5", "3"),
    ("(a) 3, (b) 5", "(a) 3"),
    ("(a) 3, (b) 5", "3, 5, 7"),
    ("①4；②5", "5, 4"),
    ("(1) 4 (2) 5", "(2) 4 (1) 5"),
    ("(1, 2)", "(1) (2)"),
]


@pytest.mark.parametrize(("gold", "answer"), SAME)
def test_parts_are_compared_one_by_one(gold: str, answer: str) -> None:
    assert grade(Item("math", "?", gold, None, answer)).verdict == "correct"


@pytest.mark.parametrize(("gold", "answer"), OTHER)
def test_other_parts_are_wrong(gold: str, answer: str) -> None:
    assert grade(Item("math", "?", gold, None, answer)).verdict == "wrong"
