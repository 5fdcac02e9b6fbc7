"""The tasks that ship with the recipes: sound, and in the shape that the privileges need."""

from __future__ import annotations

import json
import operator
import re
from collections import Counter
from pathlib import Path

_FILE = Path(__file__).parents[2] / "recipes" / "data" / "word_problems.jsonl"
_ROWS = [json.loads(line) for line in _FILE.read_text().splitlines()]
_STEP = re.compile(r"(\d+(?: [+-] \d+)+) = (\d+)")
_SIGNS = {"+": operator.add, "-": operator.sub}


def _value(expression: str) -> int:
    first, *rest = expression.split()
    value = int(first)
    for sign, number in zip(rest[::2], rest[1::2], strict=True):
        value = _SIGNS[sign](value, int(number))
    return value


def test_every_step_is_right_and_the_last_gives_the_answer() -> None:
    for row in _ROWS:
        steps = _STEP.findall(row["solution"])
        assert steps, row["question"]
        assert all(_value(left) == int(right) for left, right in steps), row["solution"]
        assert steps[-1][1] == row["answer"]
        assert row["solution"].endswith(f" The answer is {row['answer']}.")


def test_solutions_can_be_cut_by_sentences() -> None:
    assert all(len(re.findall(r"\.(?: |$)", row["solution"])) >= 3 for row in _ROWS)


def test_families_and_difficulties() -> None:
    families = Counter(row["family"] for row in _ROWS)
    assert len(_ROWS) >= 48
    assert len(families) >= 6
    assert set(families.values()) == {8}
    assert Counter(row["difficulty"] for row in _ROWS)[1] == len(_ROWS) / 2
    assert {row["difficulty"] for row in _ROWS} == {1, 2, 3}
    assert len({row["question"] for row in _ROWS}) == len(_ROWS)


def test_sums_and_legs_have_right_answers_and_no_solutions() -> None:
    rows = [json.loads(line) for line in _FILE.with_name("sums_and_legs.jsonl").read_text().splitlines()]
    assert Counter(row["family"] for row in rows) == {"sums": 6, "legs": 6}
    for row in rows:
        numbers = re.findall(r"\d+", row["question"])
        expected = _value(row["question"][8:-1]) if row["family"] == "sums" else int(numbers[0]) * int(numbers[1])
        assert row["answer"] == str(expected)
        assert set(row) == {"question", "answer", "family", "difficulty"}
