from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infogap.text.text_batch import lower_in_place, measured_text, word_count, word_counts


@pytest.mark.parametrize(
    ("text", "words"),
    [("", 0), ("one two\nthree", 3), ("a-b, c", 2), ("我不确定。", 4), ("设 x=5，则 y = 3", 6), ("ひらがな", 4)],
)
def test_word_count(text: str, words: int) -> None:
    assert word_count(text) == words


@given(st.text(st.characters(max_codepoint=0x24F)))
def test_without_ideographs_words_are_what_spaces_part(text: str) -> None:
    assert word_count(text) == len(text.split())


@given(st.text("a-é是が　，。\uff41\uff66\n "))
def test_ideographs_are_words_each(text: str) -> None:
    ideographs = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    if re.search(f"[{ideographs}]", text):
        other = rf"[^\s{ideographs}\u3000-\u303f\uff00-\uffef]+"
        assert word_count(text) == len(re.findall(f"[{ideographs}]|{other}", text))


@given(st.lists(st.text(st.one_of(st.characters(max_codepoint=0x7F), st.sampled_from("aé是　\x1c\x85 ")))))
def test_words_of_many_texts(texts: list[str]) -> None:
    assert word_counts(texts) == [word_count(text) for text in texts]


@given(st.text())
def test_lower_case_in_place(text: str) -> None:
    assert len(lower_in_place(text)) == len(text)


def test_measured_text() -> None:
    assert measured_text("thought", "said") == "thought\nsaid"
    assert measured_text("", "said") == measured_text(None, "said") == "said"
    assert measured_text("thought", None) == "thought\n"
    assert measured_text(None, None) == ""
