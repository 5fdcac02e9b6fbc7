"""Traces with what the other tables know of them, as it may be published."""

from __future__ import annotations

from typing import Any

import polars as pl

from infogap.publish.redaction import public_label
from infogap.runs.run_folder import Run
from infogap.schema import DUPLICATES, MEASURES, MIX, STATED_VERDICTS, TASKS, VERDICTS, Table


def columns(table: Table, *names: str) -> dict[str, Any]:
    """Some of a table's columns with their types."""
    return {name: table.schema[name] for name in names}


def all_but(table: Table, *unwanted: str) -> dict[str, Any]:
    """A table's other columns with their types."""
    return {name: dtype for name, dtype in table.schema.items() if name not in unwanted}


def with_tasks(run: Run, rows: pl.DataFrame) -> pl.DataFrame:
    """Rows that have a `task_id`, in their order, with the task's columns; null where there is no task."""
    joined = _add(rows, run.scan(TASKS), "task_id")
    return joined.with_columns(public(joined, "source"))


def joined(run: Run, traces: pl.DataFrame) -> pl.DataFrame:
    """The traces, in their order, with the columns of the other tables; null where a table has no row."""
    found = with_tasks(run, traces)
    for table in (STATED_VERDICTS, VERDICTS, run.stored(MEASURES), DUPLICATES, MIX):
        found = _add(found, run.scan(table), "trace_id")
    return found.with_columns(public(found, "teacher"))


def _add(frame: pl.DataFrame, side: pl.LazyFrame, key: str) -> pl.DataFrame:
    needed = side.join(frame.lazy().select(key).unique(), on=key, how="semi").collect()
    return frame.join(needed, on=key, how="left", maintain_order="left", validate="m:1")


def public(frame: pl.DataFrame, column: str) -> pl.Expr:
    """A column of sources or teachers under their published names."""
    labels = frame[column].drop_nulls().unique().to_list()
    return pl.col(column).replace({label: public_label(label) for label in labels})
