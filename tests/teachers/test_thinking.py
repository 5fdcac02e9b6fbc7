"""Splitting a model's text into reasoning and response."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infogap.teachers.thinking import CLOSING, OPENING, split

untagged = st.text().filter(lambda text: OPENING not in text and CLOSING not in text)
tagged = st.lists(st.one_of(st.text(), st.sampled_from([OPENING, CLOSING, "\n"]))).map("".join)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<think>\nLet me add.\n</think>\n\nIt is 4.", ("Let me add.", "It is 4.")),
        ("  <think>a</think>b", ("a", "b")),
        ("Let me add.\n</think>\nIt is 4.", ("Let me add.", "It is 4.")),
        ("<think>\n\n</think>\n\nIt is 4.", ("", "It is 4.")),
        ("<think>Is it 4? Wait", ("Is it 4? Wait", "")),
        ("<think>", ("", "")),
        ("It is 4.", ("", "It is 4.")),
        ("", ("", "")),
        ("Write <think> first.", ("", "Write <think> first.")),
        ("<think>a</think>Write </think> last.", ("a", "Write </think> last.")),
    ],
)
def test_known_shapes(text: str, expected: tuple[str, str]) -> None:
    assert split(text) == expected


def test_truncated_thought_after_a_preamble_is_no_answer() -> None:
    assert split("Sure.\n<think>Is it 4?", truncated=True) == ("Sure.\n<think>Is it 4?", "")


def test_truncated_answer_of_a_model_that_does_not_think_stays_an_answer() -> None:
    assert split("It is", truncated=True) == ("", "It is")


def test_prompt_that_opened_the_thought_makes_untagged_text_reasoning() -> None:
    assert split("Is it 4? Wait", opened=True) == ("Is it 4? Wait", "")
    assert split("Is it 4?</think>4", opened=True) == ("Is it 4?", "4")


@given(reasoning=untagged, response=untagged)
def test_both_spellings_of_a_closed_thought_agree(reasoning: str, response: str) -> None:
    expected = (reasoning.strip(), response.strip())
    assert split(f"{OPENING}{reasoning}{CLOSING}{response}") == expected
    assert split(f"{reasoning}{CLOSING}{response}") == expected


@given(text=untagged, truncated=st.booleans())
def test_unclosed_thought_is_never_an_answer(text: str, truncated: bool) -> None:
    assert split(OPENING + text, truncated=truncated) == (text.strip(), "")


@given(text=tagged, truncated=st.booleans(), opened=st.booleans())
def test_nothing_but_one_pair_of_tags_and_whitespace_is_lost(text: str, truncated: bool, opened: bool) -> None:
    reasoning, response = split(text, truncated=truncated, opened=opened)
    kept = "".join((reasoning + response).split())
    whole = "".join(text.split())
    assert len(whole) - len(kept) in {0, len(OPENING), len(CLOSING), len(OPENING) + len(CLOSING)}
    assert reasoning == reasoning.strip()
    assert response == response.strip()
