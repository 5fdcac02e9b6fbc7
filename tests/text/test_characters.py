"""Endings that all questions share."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infogap.text.characters import common_ending, utf8

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


@given(st.text(st.characters(codec="utf-8")))
def test_what_a_file_can_hold_is_left_alone(text: str) -> None:
    assert utf8(text) == text


@given(st.text(st.characters(categories=["Cs", "L"])))
def test_any_text_can_be_written_afterwards(text: str) -> None:
    assert len(utf8(text).encode()) >= len(text)
    assert utf8(utf8(text)) == utf8(text)
