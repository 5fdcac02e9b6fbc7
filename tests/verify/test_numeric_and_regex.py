"""Numbers within a tolerance, and answers that match a pattern."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infogap.recipe.base import Model
from infogap.recipe.sources import FileTasks
from infogap.verify.base import Item
from infogap.verify.grading_pool import grade_all
from infogap.verify.verifiers import grade, verifier
from infogap.verify.verifiers.numeric import NOT_A_NUMBER, number
from infogap.verify.verifiers.regex import NOT_A_PATTERN


def item(verifier: str, gold: str | None, answer: str, tolerance: float | None = None, *, stated: bool = True) -> Item:
    metadata = None if tolerance is None else json.dumps({"tolerance": tolerance})
    return Item(verifier, "?", gold, metadata, answer, stated)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1,234.5", 1234.5),
        ("3.2e5", 3.2e5),
        (r"1.2 \times 10^5", 1.2e5),
        (r"1.2\times10^{-5}", 1.2e-5),
        ("6 × 10^3", 6000),
        (r"\frac34", 0.75),
        (r"-\frac{3}{4}", -0.75),
        ("3/4", 0.75),
        (r"45\%", 0.45),
        ("−5", -5),
        (".5", 0.5),
        ("3.2 m/s", 3.2),
        ("3.2 m/s^2", 3.2),
        ("$12", 12),
        ("x = 5", 5),
        (r"v_0 \approx 3.2 m/s", 3.2),
        ("≈ 3.14", 3.14),
        ("１２", 12),
        (r"$\boxed{7}$", 7),
    ],
)
def test_reads_numbers(text: str, value: float) -> None:
    assert number(text) == pytest.approx(value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nan",
        "inf",
        "x = y",
        "f(2) = 5",
        "5 or 7",
        "12-5",
        "1.2.3",
        "1,23",
        "9**9**9",
        "1e9999",
        "1/0",
        "not 5",
        "1±2",
    ],
)
def test_other_texts_are_no_numbers(text: str) -> None:
    assert number(text) is None


@given(st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_reads_what_python_writes(value: float) -> None:
    assert number(repr(value)) == pytest.approx(value, rel=1e-12)


def test_within_the_tolerance_is_correct() -> None:
    assert grade(item("numeric", "9.8", "9.81 m/s^2", 0.01)).verdict == "correct"
    assert grade(item("numeric", "9.8", "9.81")).verdict == "wrong"
    assert grade(item("numeric", "0.75", "3/4")).verdict == "correct"
    assert grade(item("numeric", "0", "0.001", 0.01)).verdict == "wrong"
    assert grade(item("numeric", "-5", "5", 0.5)).verdict == "wrong"


def test_what_is_no_number() -> None:
    assert grade(item("numeric", "5", "five")).verdict == "wrong"
    assert grade(item("numeric", "5", "That is all.", stated=False)).verdict == "no_answer"
    assert grade(item("numeric", "five", "5")).verdict == "ungradable"


def test_a_pattern_must_match_the_whole_answer() -> None:
    assert grade(item("regex", r"(?i)paris|lutetia", "Paris")).verdict == "correct"
    assert grade(item("regex", r"\d{4}", "in 1789")).verdict == "wrong"
    assert grade(item("regex", "(", "(")).verdict == "ungradable"


def test_a_pattern_that_takes_forever_costs_its_limit_and_no_more() -> None:
    hostile = item("regex", r"(a+)+b", "a" * 40)
    work = [("before", item("regex", "a+", "aaa")), ("hostile", hostile), ("after", item("regex", "a+", "b"))]
    found = dict(grade_all(work, verifiers={"regex"}, limit=1.0, workers=1))
    assert [grade.verdict for grade in found.values()] == ["correct", "ungradable", "wrong"]
    assert found["hostile"].detail == "grading took more than 1 s"


def test_gold_answers_that_cannot_be_used() -> None:
    assert verifier("numeric").check_golds([("?", "1,000"), ("?", "many")]) == [None, NOT_A_NUMBER]
    assert verifier("regex").check_golds([("?", "a+"), ("?", "[")]) == [None, NOT_A_PATTERN]


def test_a_tolerance_is_for_numbers() -> None:
    source: Model = FileTasks.model_validate({"from": "x.jsonl", "verifier": "numeric", "tolerance": 0.01})
    assert source.model_dump()["tolerance"] == 0.01
    with pytest.raises(ValueError, match="verifier: numeric"):
        FileTasks.model_validate({"from": "x.jsonl", "tolerance": 0.01})
