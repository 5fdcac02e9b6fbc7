"""The config `traces`: every trace with all that was measured of it."""

from __future__ import annotations

from typing import Any

import polars as pl

from infogap.balance.mix_table import mix_columns
from infogap.publish.configs.base import Config, all_but, columns, joined
from infogap.publish.parquet_shards import SortedRows, in_order
from infogap.runs.run_folder import Run
from infogap.schema import DUPLICATES, MEASURES, STATED_VERDICTS, TASKS, TRACES, VERDICTS, Table


# Neither the contexts nor the worked solutions: privileged text is not published here. Nor the errors of failed
# requests and the details of verdicts, which can name servers; `finish_reason` is "error" where a request failed.
def _schema(measures: Table, of_mixes: dict[str, Any]) -> pl.Schema:
    return pl.Schema(
        {
            **columns(TRACES, "trace_id", "task_id"),
            **columns(TASKS, "source", "family", "difficulty", "verifier", "question", "answer"),
            **all_but(TRACES, "trace_id", "task_id", "error"),
            **all_but(VERDICTS, "trace_id", "detail"),
            **columns(STATED_VERDICTS, "stated_verdict"),
            **all_but(measures, "trace_id"),
            **columns(DUPLICATES, "duplicate_of", "jaccard"),
            **of_mixes,
        }
    )


def _schema_of(run: Run) -> pl.Schema:
    return _schema(run.stored(MEASURES), mix_columns(run))


def _rows(run: Run, _mix: pl.DataFrame) -> SortedRows:
    """Select all traces, by id."""
    return SortedRows(run, TRACES, in_order(run.scan(TRACES).select("trace_id").collect()), _with_measurements)


def _with_measurements(run: Run, traces: pl.DataFrame) -> pl.DataFrame:
    """Make a row per trace: its task, verdict, measurements, duplicate and place in the mix."""
    schema = _schema_of(run)
    return joined(run, traces).select(*schema).match_to_schema(schema)


def _notes(traces: pl.DataFrame, _rows: int) -> list[str]:
    failed = int(traces["failed"].sum())
    reasons = "error, filtered or too_long"
    return (
        [f"{failed:,} failed requests are rows of the config `traces`, with finish_reason {reasons}"] if failed else []
    )


EVERY_TRACE = Config(
    name="traces",
    shows="every trace with everything measured of it",
    features=_schema_of,
    key=pl.col("trace_id"),
    rows=_rows,
    empty="there are no traces",
    notes=_notes,
)
