"""Which drafts become tasks: the `where` condition, duplicates merged, the `limit` drawn."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from infogap.errors import UserError
from infogap.ids import digest, stable_id
from infogap.tasks.reading import TASK_FIELDS, Draft

_TEXTS = pl.Schema(dict.fromkeys(TASK_FIELDS, pl.String()))


@dataclass(frozen=True, slots=True)
class Task:
    """One row of the tasks table."""

    task_id: str
    source: str
    family: str | None  # None until merged: a later row may know it
    difficulty: str | None
    question: str
    answer: str | None  # None only where the verifier needs none
    solution: str | None
    verifier: str
    metadata: dict[str, Any]

    @classmethod
    def make(cls, question: str, answer: str | None, verifier: str, **rest: Any) -> Task:
        """A task with the id that its question, answer and verifier give it."""
        task_id = stable_id(question, answer, verifier)
        return cls(task_id=task_id, question=question, answer=answer, verifier=verifier, **rest)


def where_problem(condition: str) -> str | None:
    """Why an SQL condition cannot be asked of tasks, or None where it can."""
    try:
        pl.DataFrame(schema=_TEXTS).filter(pl.sql_expr(condition))
    except pl.exceptions.PolarsError as error:
        return _first_line(error)
    return None


def fulfils(drafts: list[Draft], condition: str, source: str) -> list[bool]:
    """For each draft whether the SQL condition holds; null does not. Raises UserError where it cannot be evaluated."""
    columns = {field: [getattr(draft, field) for draft in drafts] for field in TASK_FIELDS}
    frame = pl.DataFrame(columns, schema=_TEXTS).with_row_index("_draft")
    try:
        kept = frame.filter(pl.sql_expr(condition))["_draft"].to_list()
    except pl.exceptions.PolarsError as error:
        raise UserError(
            f"{source}: `where: {condition}`: {_first_line(error)}; "
            "every column is text, TRY_CAST(difficulty AS INT) gives null where it is no number"
        ) from error
    passed = set(kept)
    return [index in passed for index in range(len(drafts))]


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def merge(tasks: Iterable[Task]) -> list[Task]:
    """One task per id, in the order of first rows, each completed by what later rows know."""
    merged: dict[str, Task] = {}
    for task in tasks:
        first = merged.setdefault(task.task_id, task)
        if first is not task:
            merged[task.task_id] = _completed(first, task)
    return list(merged.values())


def _completed(first: Task, later: Task) -> Task:
    known = {
        field: getattr(later, field)
        for field in ("solution", "family", "difficulty")
        if getattr(first, field) is None and getattr(later, field) is not None
    }
    return replace(first, **known) if known else first


def sample(tasks: list[Task], limit: int | None, seed: int) -> list[Task]:
    """At most `limit` tasks, in their order: those whose hash with the seed is smallest.

    The choice depends on each task alone, so neither the rows' order nor rows added later reshuffle it.
    """
    if limit is None or len(tasks) <= limit:
        return tasks
    drawn = sorted(tasks, key=lambda task: digest([seed, task.task_id]))[:limit]
    ids = {task.task_id for task in drawn}
    return [task for task in tasks if task.task_id in ids]


def conflicting(tasks: list[Task]) -> list[str]:
    """The questions that stand there with different answers."""
    answers: dict[str, set[str | None]] = {}
    for task in tasks:
        answers.setdefault(task.question, set()).add(task.answer)
    return [question for question, given in answers.items() if len(given) > 1]
