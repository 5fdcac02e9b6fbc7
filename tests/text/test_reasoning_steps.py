"""Texts are cut into steps and sentences, and put together again, without losing a character."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from derive.texts import THOUGHTS
from infogap.text.reasoning_steps import sentences, steps


@given(text=THOUGHTS | st.text())
@example("One.\n\n\x85\n\nTwo.")  # white space that is no ASCII
def test_nothing_is_lost(text: str) -> None:
    for cut in (steps, sentences):
        pieces = cut(text)
        assert pieces.text() == text
        assert len(pieces.between) == len(pieces.bodies) + 1
        assert all(body.strip() for body in pieces.bodies)
        assert all(re.fullmatch(r"[\s\"')\]*”」』）]*", joint) for joint in pieces.between[1:-1])


@given(text=THOUGHTS, data=st.data())
def test_without_keeps_the_others_in_order(text: str, data: st.DataObject) -> None:
    pieces = steps(text)
    gone = data.draw(st.sets(st.integers(0, max(0, len(pieces.bodies) - 1)), max_size=len(pieces.bodies)))
    kept = pieces.without(gone)
    assert list(kept.bodies) == [body for place, body in enumerate(pieces.bodies) if place not in gone]
    assert len(kept.between) == len(kept.bodies) + 1


@pytest.mark.parametrize(
    ("text", "bodies"),
    [
        ("One.\n\nTwo.\n \n\nThree.", ["One.", "Two.", "Three."]),
        ("One is. Two is, e.g. this. Three?", ["One is.", "Two is, e.g. this.", "Three?"]),
        ("We get \\[\n\nx = 1.\n\n\\] here.\n\nThen.", ["We get \\[\n\nx = 1.\n\n\\] here.", "Then."]),
        ("```\na\n\nb\n```\n\nEnd", ["```\na\n\nb\n```", "End"]),
        ("Dr. Wu has $1. 5$ of it. So 2.5 is. 1. no list", ["Dr. Wu has $1. 5$ of it.", "So 2.5 is.", "1. no list"]),
        ("一。二！三", ["一。", "二！", "三"]),
        ("", []),
    ],
)
def test_steps_are_paragraphs_or_else_sentences(text: str, bodies: list[str]) -> None:
    assert list(steps(text).bodies) == bodies


def test_a_removed_last_sentence_leaves_the_paragraphs_apart() -> None:
    pieces = sentences("One. Two.\n\nThree.")
    assert pieces.without({1}).text() == "One.\n\nThree."
