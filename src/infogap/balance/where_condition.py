"""The condition `balance.where`: which traces it excludes, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from infogap.errors import InputError
from infogap.measure.load_measures import measures_table
from infogap.runs.run_folder import Run
from infogap.schema import MEASURES, TASKS, TRACES, VERDICTS, Table

_OF_TASKS = ("task_id", "source", "family", "difficulty")


def excluded_by(run: Run, condition: str) -> pl.LazyFrame:
    """The `trace_id` of every trace for which the condition is false or null.

    Raises InputError if the condition is no SQL, or names a column that there is not.
    """
    traces = _joined(run.scan, run.stored(MEASURES))
    _check(condition, traces)
    kept = traces.filter(pl.sql_expr(condition)).select("trace_id")
    return run.scan(TRACES).select("trace_id").join(kept, on="trace_id", how="anti")


def check_condition(run: Run) -> None:
    """Raise InputError if the recipe's condition cannot be evaluated; the run need not have any table yet."""
    if run.recipe.balance.where is not None:
        _check(run.recipe.balance.where, _joined(lambda table: table.empty().lazy(), measures_table(run)))


def _joined(scan: Callable[[Table], pl.LazyFrame], measures: Table) -> pl.LazyFrame:
    return (
        scan(TRACES)
        .join(scan(TASKS).select(_OF_TASKS), on="task_id", how="left")
        .join(scan(VERDICTS), on="trace_id", how="left")
        .join(scan(measures), on="trace_id", how="left")
    )


def _check(condition: str, traces: pl.LazyFrame) -> None:
    try:
        pl.DataFrame(schema=traces.collect_schema()).filter(pl.sql_expr(condition))
    except pl.exceptions.PolarsError as error:
        message = str(error).splitlines()[0]
        columns = ", ".join(traces.collect_schema().names())
        raise InputError(f"balance.where: `{condition}`: {message}; there are the columns {columns}") from error
