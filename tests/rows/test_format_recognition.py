"""An instruction with which all questions end is recognised."""

from __future__ import annotations

import pytest

from infogap.rows.format_recognition import common_ending

INSTRUCTION = r"Think step by step. Put the result into \boxed{}."


@pytest.mark.parametrize("joint", [" ", "\n", "\n\n"])
def test_an_instruction_at_the_end_of_all_questions_is_found(joint: str) -> None:
    questions = [f"What is {n} + {n}?{joint}{INSTRUCTION}" for n in range(8)]
    assert common_ending(questions) == INSTRUCTION
    assert common_ending([*questions, "What is 9 + 9?"]) is None
    assert common_ending(questions[:4]) is None
    assert common_ending(questions[:1] * 9) is None


def test_the_end_of_a_sentence_is_no_ending() -> None:
    assert common_ending([f"How many apples do {n} children have who share a large basket?" for n in range(9)]) is None
    assert common_ending([f"What is {n}? Why?" for n in range(9)]) is None
    assert common_ending([]) is None
