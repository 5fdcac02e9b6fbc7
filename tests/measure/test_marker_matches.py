"""Quotations of the question."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infogap.measure.lexicon import load
from infogap.measure.marker_matches import LONG, is_quoted, words

QUESTION = "Ann might win two games, or perhaps three. What is the likely number of games that she might win in total?"
OWN = load("infogap", Path)


@pytest.mark.parametrize(
    ("text", "markers"),
    [
        # eight words of the question in a row, whatever the punctuation and the case
        ("So: what is the LIKELY number of games that she wins?", []),
        ("It says: or perhaps three -- what is the likely number of them.", []),
        # fewer
        ("So the likely number of games is two.", ["likely"]),
        ("She might win in total five.", ["might"]),
        # in quotation marks
        ('The "likely number" is two.', []),
        ("The “likely number of games” is two.", []),
        ('The "likely count" is two.', ["likely"]),
        ('"Two games", likely "three".', ["likely"]),
        ('The "likely\nnumber" is two.', ["likely"]),
        # other words of the text count all the same
        ('Hmm, the "likely number", I think, might be two.', ["hmm", "i think", "might"]),
    ],
)
def test_quotations(text: str, markers: list[str]) -> None:
    assert [marker for _, _, marker in OWN.spans(text, QUESTION)] == markers


def test_a_short_question_is_quoted_as_a_whole() -> None:
    question = "How might x change?"
    assert OWN.spans("How might x change? Let us see.", question) == []
    assert [marker for _, _, marker in OWN.spans("How might x grow?", question)] == ["might"]


def test_chinese() -> None:
    question = "小明可能有五个苹果，也许有六个，问他最多有几个？"
    assert OWN.spans("题目说小明可能有五个苹果，也许有六个。", question) == []
    assert [marker for _, _, marker in OWN.spans("他可能有七个。", question)] == ["可能"]


def test_a_marker_whose_hyphen_is_not_there() -> None:
    question = "Is it so that he can doublecheck all of the numbers?"
    assert OWN.spans("Let me doublecheck.", question)
    assert OWN.spans("It says that he can doublecheck all of the numbers.", question) == []


def test_without_a_question_nothing_is_quoted() -> None:
    assert [marker for _, _, marker in OWN.spans(QUESTION)] == ["might", "or perhaps", "likely", "might"]


_letters = st.lists(st.sampled_from(["a", "b", "c", "x"]), max_size=30)


@given(_letters, _letters, st.data())
def test_a_run_is_a_run_of_both(text: list[str], question: list[str], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, max(len(text) - 1, 0)))
    if not text:
        return
    joined, asked = " ".join(text), " ".join(question)
    enough = min(LONG, max(4, len(question)))
    windows = [text[first : first + enough] for first in range(max(0, place - enough + 1), place + 1)]
    runs = [question[first : first + enough] for first in range(len(question) - enough + 1)]
    quoted = any(len(window) == enough and window in runs for window in windows)
    assert is_quoted(joined, 2 * place, 2 * place + 1, asked) == quoted


def test_words() -> None:
    assert words("it's $x_1$ = 3，也许 7.") == ["it", "s", "x", "1", "3", "也", "许", "7"]
