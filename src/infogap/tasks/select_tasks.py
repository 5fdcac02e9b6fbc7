"""Select which drafts become tasks: apply `where`, merge duplicates, draw up to `limit`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from infogap.errors import InputError, nearest
from infogap.ids import digest, stable_id
from infogap.recipe.source_columns import TraceColumns
from infogap.rows.column_paths import as_text
from infogap.tasks.known_drafts import Draft
from infogap.tasks.mapped_columns import TASK_COLUMNS, TASK_FIELDS
from infogap.tasks.task_columns import Drafts

_MAPPED = (*TASK_FIELDS, *(name for name in TraceColumns.model_fields if name not in TASK_COLUMNS))


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
        """Make a task, with the id that follows from its question, answer and verifier."""
        task_id = stable_id(question, answer, verifier)
        return cls(task_id=task_id, question=question, answer=answer, verifier=verifier, **rest)


def where_problem(condition: str, columns: list[str] | None) -> str | None:
    """Say why an SQL condition cannot be applied to a source's rows; None where it can.

    `columns` are the file's own, of unknown types; None where they are unknown themselves.
    """
    own = [name for name in columns or [] if name not in _MAPPED]
    schema = dict.fromkeys(_MAPPED, pl.String()) | dict.fromkeys(own, pl.Null())
    try:
        pl.DataFrame(schema=schema).filter(pl.sql_expr(condition))
    except pl.exceptions.ColumnNotFoundError as error:
        return None if columns is None else _unknown_column(error, [*schema])
    except pl.exceptions.PolarsError as error:
        return None if any(name in condition for name in own) and not _is_syntax(error) else _first_line(error)
    return None


def fulfils(drafts: Drafts, condition: str, source: str) -> list[bool]:
    """Evaluate a condition for each draft; null counts as false. Raises InputError if it cannot be evaluated."""
    frame = _frame(drafts.rows)
    try:
        kept = frame.filter(pl.sql_expr(condition))["_draft"].to_list()
    except pl.exceptions.ColumnNotFoundError as error:
        known = list(dict.fromkeys([*_MAPPED, *drafts.columns]))
        raise InputError(f"{source}: `where: {condition}`: {_unknown_column(error, known)}") from error
    except pl.exceptions.PolarsError as error:
        raise InputError(
            f"{source}: `where: {condition}`: {_first_line(error)}; "
            "every mapped column is text; TRY_CAST(difficulty AS INT) is null where it is not a number"
        ) from error
    passed = set(kept)
    return [index in passed for index in range(len(drafts.rows))]


def _frame(drafts: list[Draft]) -> pl.DataFrame:
    """Make a frame of the drafts: mapped columns as text, the file's own with their types."""
    columns: dict[str, pl.Series] = {}
    for name in TASK_FIELDS:
        columns[name] = pl.Series(name, [getattr(draft, name) for draft in drafts], dtype=pl.String)
    for name in dict.fromkeys(name for draft in drafts for name in draft.others or ()):
        columns[name] = _series(name, [(draft.others or {}).get(name) for draft in drafts])
    return pl.DataFrame(list(columns.values())).with_row_index("_draft").select(*columns, "_draft")


def _series(name: str, values: list[Any]) -> pl.Series:
    """Make a column of the file's own: booleans or numbers if all values are, else text."""
    kinds = {type(value) for value in values if value is not None}
    if kinds == {bool}:
        return pl.Series(name, values, dtype=pl.Boolean)
    if kinds == {int} and all(value is None or -(2**63) <= value < 2**63 for value in values):
        return pl.Series(name, values, dtype=pl.Int64)
    if kinds and kinds <= {int, float}:
        return pl.Series(name, [None if value is None else float(value) for value in values], dtype=pl.Float64)
    return pl.Series(name, [as_text(value) for value in values], dtype=pl.String)


def _unknown_column(error: Exception, known: list[str]) -> str:
    named = re.search(r'"([^"]+)"', _first_line(error))
    name = named[1] if named else ""
    return f'unable to find column "{name}"{nearest(name, known)}; there are {", ".join(known)}'


def _is_syntax(error: Exception) -> bool:
    return isinstance(error, pl.exceptions.SQLSyntaxError | pl.exceptions.SQLInterfaceError)


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def merge(tasks: Iterable[Task]) -> list[Task]:
    """Merge tasks with one id, in the order of their first rows; later rows fill in what the first lacks."""
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
    """Draw at most `limit` tasks, in their order: those whose hash with the seed is smallest.

    The choice depends on each task alone, so neither the rows' order nor rows added later reshuffle it.
    """
    if limit is None or len(tasks) <= limit:
        return tasks
    drawn = sorted(tasks, key=lambda task: digest([seed, task.task_id]))[:limit]
    ids = {task.task_id for task in drawn}
    return [task for task in tasks if task.task_id in ids]


def conflicting(tasks: list[Task]) -> list[str]:
    """Return the questions that occur with different answers."""
    answers: dict[str, str | None] = {}
    several: dict[str, None] = {}
    for task in tasks:
        if answers.setdefault(task.question, task.answer) != task.answer:
            several[task.question] = None
    return [question for question in answers if question in several]
