"""Sampling depends on the tasks alone, ids on the content alone."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infogap.errors import InputError
from infogap.tasks.known_drafts import Draft
from infogap.tasks.question_column import without_affixes
from infogap.tasks.select_tasks import Task, conflicting, fulfils, merge, sample, where_problem
from infogap.tasks.task_columns import Drafts


def _task(question: str, answer: str | None = "1", row: int = 1, **more: str | None) -> Task:
    known = {"source": "s", "family": None, "difficulty": None, "solution": None} | more
    return Task.make(question, answer, "math", metadata={"row": row}, **known)


_TASKS = st.lists(st.text("abc", min_size=1, max_size=3), unique=True, max_size=20).map(
    lambda questions: [_task(question) for question in questions]
)


@given(_TASKS, st.integers(1, 25), st.integers(0, 9), st.randoms(use_true_random=False))
def test_a_sample_does_not_depend_on_the_order_of_rows(
    tasks: list[Task], limit: int, seed: int, random: object
) -> None:
    shuffled = tasks.copy()
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    drawn = sample(tasks, limit, seed)
    assert {task.task_id for task in drawn} == {task.task_id for task in sample(shuffled, limit, seed)}
    assert len(drawn) == min(limit, len(tasks))
    assert drawn == [task for task in tasks if task in drawn]


@given(_TASKS, st.integers(1, 10), st.text("xyz", min_size=1))
def test_a_row_more_changes_at_most_one_task_of_a_sample(tasks: list[Task], limit: int, question: str) -> None:
    before = {task.task_id for task in sample(tasks, limit, 0)}
    after = {task.task_id for task in sample([*tasks, _task(question)], limit, 0)}
    assert len(before - after) <= 1


def test_another_seed_draws_another_sample() -> None:
    tasks = [_task(str(number)) for number in range(100)]
    assert sample(tasks, 10, 0) != sample(tasks, 10, 1)


@given(st.text(), st.none() | st.text(), st.text(), st.integers())
def test_an_id_depends_on_question_answer_and_verifier_only(
    question: str, answer: str | None, source: str, row: int
) -> None:
    task = _task(question, answer)
    assert _task(question, answer, row, source=source, family=source, solution=source).task_id == task.task_id
    assert _task(question + "x", answer).task_id != task.task_id
    assert _task(question, (answer or "") + "x").task_id != task.task_id


def test_ids_stay_what_they_were() -> None:
    assert _task("What is 1 + 1?", "2").task_id == "a50b34fa1a2a7199d1cc"


@given(st.lists(st.tuples(st.sampled_from("ab"), st.none() | st.text("xy", min_size=1, max_size=2)), max_size=8))
def test_merging_keeps_first_rows_and_fills_them_up(rows: list[tuple[str, str | None]]) -> None:
    tasks = [_task(question, row=row, solution=solution) for row, (question, solution) in enumerate(rows)]
    merged = merge(tasks)
    assert merge(merged) == merged
    for task in merged:
        same = [other for other in tasks if other.task_id == task.task_id]
        first_known = next((other.solution for other in same if other.solution is not None), None)
        assert task == replace(same[0], solution=first_known)


def test_conflicts_are_questions_with_several_answers() -> None:
    assert conflicting([_task("a", "1"), _task("b", "1"), _task("a", "2")]) == ["a"]


def _draft(row: int, family: str | None, difficulty: str | None) -> Draft:
    return Draft(row, f"Q{row}", "1", None, family, difficulty)


_DRAFTS = [_draft(1, "Algebra", "3"), _draft(2, "Algebra", None), _draft(3, "Geometry", "5"), _draft(4, None, "x")]


@pytest.mark.parametrize(
    ("condition", "rows"),
    [
        ("family = 'Algebra'", [1, 2]),
        ("TRY_CAST(difficulty AS INT) >= 3", [1, 3]),
        ("family <> 'Algebra'", [3]),  # null is neither
        ("solution IS NULL AND question LIKE 'Q%'", [1, 2, 3, 4]),
    ],
)
def test_where_is_an_sql_condition(condition: str, rows: list[int]) -> None:
    assert where_problem(condition, []) is None
    passed = fulfils(Drafts(_DRAFTS, [], []), condition, "s")
    assert [draft.row for draft, holds in zip(_DRAFTS, passed, strict=True) if holds] == rows


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("familly = 'x'", 'unable to find column "familly"'),
        ("family =", "unable to parse"),
        ("family", "must be of type `Boolean`"),
        ("family = 'x' LIMIT 1", "found 'LIMIT' clause"),
        ("difficulty > 3", "cannot compare string with numeric type"),
    ],
)
def test_what_is_no_condition_is_known_before_any_row(condition: str, message: str) -> None:
    assert message in (where_problem(condition, []) or "")
    with pytest.raises(InputError, match="s: `where: "):
        fulfils(Drafts(_DRAFTS, [], []), condition, "s")


def test_a_cast_that_fails_on_a_row_says_what_to_write() -> None:
    condition = "CAST(difficulty AS INT) > 3"
    assert where_problem(condition, []) is None
    with pytest.raises(InputError, match="TRY_CAST"):
        fulfils(Drafts(_DRAFTS, [], []), condition, "s")


@given(st.text("q? ", min_size=1), st.lists(st.sampled_from(["A.", " B."]), max_size=6))
def test_no_suffix_is_left_at_the_end(question: str, ends: list[str]) -> None:
    assert (without_affixes(question + "".join(ends), ["A.", "B."], at_end=True) or "") == question.rstrip()


def test_a_long_text_of_affixes_takes_no_longer_than_its_length() -> None:
    started = time.monotonic()
    assert without_affixes("a " * 1_000_000, ["a"], at_end=False) is None
    assert without_affixes("a " * 1_000_000, ["a"], at_end=True) is None
    assert time.monotonic() - started < 30  # a copy of the text per affix would take hours
