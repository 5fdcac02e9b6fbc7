from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infogap.measure.text import lower_in_place, measured_text, prose, word_count


@given(st.text("ab `$\\[]()\n5", max_size=60))
def test_blanking_moves_nothing(text: str) -> None:
    blanked = prose(text)
    assert len(blanked) == len(text)
    assert all(left in (" ", right) for left, right in zip(blanked, text, strict=True))


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("a `b` c", "a     c"),
        ("a ```b\nc``` d", "a " + " " * 9 + " d"),
        ("a $b$ \\(c\\) \\[d\ne\\] $$f$$ g", None),
        ("$5 and $6", "$5 and $6"),
        ("5$ and 6$", "5$ and 6$"),
        ("a `b\nc` d", "a `b\nc` d"),
        ("a \\[ b", "a \\[ b"),
    ],
)
def test_code_and_formulas_are_blanked(text: str, kept: str | None) -> None:
    if kept is None:
        assert prose(text).split() == ["a", "g"]
    else:
        assert prose(text) == kept


@pytest.mark.parametrize("part", ["\\[", "\\(", "`", "$", "```", "$x", "$$ $", "` \n"])
def test_endless_delimiters_take_linear_time(part: str) -> None:
    started = time.process_time()
    prose(part * 200_000)
    assert time.process_time() - started < 10  # seconds; quadratic work takes minutes


@pytest.mark.parametrize(
    ("text", "words"),
    [("", 0), ("one two\nthree", 3), ("a-b, c", 2), ("我不确定。", 4), ("设 x=5，则 y = 3", 6), ("ひらがな", 4)],
)
def test_word_count(text: str, words: int) -> None:
    assert word_count(text) == words


@given(st.text(st.characters(max_codepoint=0x24F)))
def test_without_ideographs_words_are_what_spaces_part(text: str) -> None:
    assert word_count(text) == len(text.split())


@given(st.text())
def test_lower_case_in_place(text: str) -> None:
    assert len(lower_in_place(text)) == len(text)


def test_measured_text() -> None:
    assert measured_text("thought", "said") == "thought\nsaid"
    assert measured_text("", "said") == measured_text(None, "said") == "said"
    assert measured_text("thought", None) == "thought\n"
    assert measured_text(None, None) == ""
