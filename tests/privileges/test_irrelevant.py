"""The irrelevant text is as long as what it stands for, and says nothing."""

import re
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from infogap.measure.lexicon import load
from infogap.privileges.irrelevant import irrelevant


@given(st.integers(1, 5_000), st.text())
def test_the_length_is_met(length: int, key: str) -> None:
    """The shortest sentence has nine characters."""
    text = irrelevant(length, key)
    assert abs(len(text) - length) <= max(6, 9 - length)
    assert irrelevant(length, key) == text


def test_it_holds_no_number_and_no_marker() -> None:
    text = irrelevant(10_000, "any")
    assert not re.search(r"\d", text)
    for name in ("infogap", "kim2026"):
        assert load(name, Path).spans(text) == []


def test_another_task_gets_another_text() -> None:
    assert len({irrelevant(200, number) for number in range(20)}) > 10
