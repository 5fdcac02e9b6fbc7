"""Any text can be stored, whatever a file holds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from infogap.text.characters import utf8


@given(st.text(st.characters(codec="utf-8")))
def test_what_a_file_can_hold_is_left_alone(text: str) -> None:
    assert utf8(text) == text


@given(st.text(st.characters(categories=["Cs", "L"])))
def test_any_text_can_be_written_afterwards(text: str) -> None:
    assert len(utf8(text).encode()) >= len(text)
    assert utf8(utf8(text)) == utf8(text)
