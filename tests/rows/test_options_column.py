"""Options that have a column of their own, in the question."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infogap.rows.options_column import NOT_OPTIONS, NOT_TOLD_APART, with_options
from infogap.text.option_parser import options

_READ = {"A": "3 km", "B": "4 km", "C": "5 km"}


@pytest.mark.parametrize(
    "column",
    [
        ["3 km", "4 km", "5 km"],
        ["A)3 km", "B)4 km", "C)5 km"],
        ["A. 3 km", "B. 4 km", "C. 5 km"],
        {"A": "3 km", "B": "4 km", "C": "5 km"},
        {"text": ["3 km", "4 km", "5 km"], "label": ["1", "2", "3"]},
        [{"label": "A", "text": "3 km"}, {"label": "B", "text": "4 km"}, {"label": "C", "text": "5 km"}],
        '["3 km", "4 km", "5 km"]',
        "['3 km', '4 km', '5 km']",
        "a ) 3 km , b ) 4 km , c ) 5 km",
        "A. 3 km\nB. 4 km\nC. 5 km",
    ],
)
def test_every_usual_form_is_read(column: Any) -> None:
    posed = with_options("How far?", column)
    assert posed.fault is None and posed.question == "How far?\nA) 3 km\nB) 4 km\nC) 5 km"
    assert options(posed.question) == _READ


def test_options_that_stand_in_the_question_are_not_repeated() -> None:
    question = "How far?\n(A) 3 km\n(B) 4 km\n(C) 5 km"
    assert with_options(question, ["3 km", "4 km", "5 km"]).question == question


def test_labels_are_the_letters_that_they_become() -> None:
    assert with_options("?", {"text": ["x", "y"], "label": ["1", "2"]}).letters == {"1": "A", "2": "B"}


@pytest.mark.parametrize(
    "column", [None, "no list", [], ["one"], ["x", ""], 7, {"A": "x"}, [["x"], ["y"]], ["x", None]]
)
def test_what_is_no_options(column: Any) -> None:
    assert with_options("?", column).fault == NOT_OPTIONS


_TEXTS = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs"]), min_size=1, max_size=20)


@given(st.lists(_TEXTS.filter(str.strip), min_size=2, max_size=10))
def test_options_are_read_as_they_were_put_or_refused(texts: list[str]) -> None:
    posed = with_options("Which?", texts)
    assert posed.fault in (None, NOT_TOLD_APART, NOT_OPTIONS)
    if posed.fault is None:
        assert len(options(posed.question)) == len(texts)
