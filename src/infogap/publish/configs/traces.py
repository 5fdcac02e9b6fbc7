"""The config `traces`: every trace with all its measurements."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from infogap.balance.mix_table import mix_columns
from infogap.publish.configs.base import Config, adapted, all_but, columns, joined
from infogap.publish.sorted_rows import SortedRows, in_order
from infogap.publish.turn_messages import calls_tools
from infogap.runs.run_folder import Run
from infogap.schema import (
    DERIVATIONS,
    DUPLICATES,
    MEASURES,
    STATED_VERDICTS,
    TASKS,
    TRACE_TURNS,
    TRACES,
    VERDICTS,
    Table,
)

# The published fields of a leak: its evidence is left out, as it is text that only the teacher saw.
_LEAK = {"kind": pl.String, "rule": pl.String, "start": pl.Int64, "end": pl.Int64}
# Columns of text, with their values in leaks.
_OF_TEXT = {"response": "", "reasoning": None, "extracted_answer": None, "turns": None}


# Contexts and worked solutions are left out: privileged text is not published here. So are the errors of failed
# requests and the details of verdicts, which can name servers; `finish_reason` is "error" if a request failed.
def _schema(measures: Table, of_mixes: dict[str, Any], *, derives: bool, calls: bool) -> pl.Schema:
    return pl.Schema(
        {
            **columns(TRACES, "trace_id", "task_id"),
            **columns(TASKS, "source", "family", "difficulty", "verifier", "question", "answer"),
            **all_but(TRACES, "trace_id", "task_id", "error"),
            **all_but(VERDICTS, "trace_id", "detail"),
            **columns(STATED_VERDICTS, "stated_verdict"),
            **(columns(TRACE_TURNS, "turns", "tools") if calls else {}),
            **(columns(DERIVATIONS, "parent_id", "derived") if derives else {}),
            **all_but(measures, "trace_id"),
            "leaks": pl.List(pl.Struct(_LEAK)),
            **columns(DUPLICATES, "duplicate_of", "jaccard"),
            **of_mixes,
        }
    )


def _schema_of(run: Run) -> pl.Schema:
    return _schema(run.stored(MEASURES), mix_columns(run), derives=bool(run.recipe.derive), calls=calls_tools(run))


def _rows(run: Run, _mix: pl.DataFrame) -> SortedRows:
    """Select all traces, sorted by id."""
    return SortedRows(run, TRACES, in_order(run.scan(TRACES).select("trace_id").collect()), _with_measurements)


def _with_measurements(run: Run, traces: pl.DataFrame) -> pl.DataFrame:
    """Make a row per trace: its task, verdict, measurements, duplicate and place in the mix."""
    schema = _schema_of(run)
    places = pl.col("leaks").list.eval(pl.struct([pl.element().struct.field(name) for name in _LEAK]))
    rows = joined(run, traces, schema).with_columns(leaks=places)
    if not run.recipe.publishes_leaking_text:
        leaks = pl.col("leak").fill_null(False)
        rows = rows.with_columns(
            pl.when(leaks).then(pl.lit(withheld, pl.String)).otherwise(name).alias(name)
            for name, withheld in _OF_TEXT.items()
            if name in schema
        )
    return rows.select(*schema).match_to_schema(schema)


def _notes(traces: pl.DataFrame, _rows: int) -> list[str]:
    failed = int(traces["failed"].sum())
    reasons = "error, filtered or too_long"
    return (
        [f"{failed:,} failed requests are rows of the config `traces`, with finish_reason {reasons}"] if failed else []
    )


def _notes_on_withheld(traces: pl.DataFrame, rows: int) -> list[str]:
    leaks = int(traces["leak"].sum())
    withheld = (
        f"{leaks:,} of {rows:,} traces leak; the config `traces` omits their text (`publish.leaking_text: true` "
        "publishes it)"
    )
    return [*_notes(traces, rows), *([withheld] if leaks else [])]


def _leak_counts(folder: Path) -> dict[str, Any]:
    """Return the number of traces and the number of leaking ones."""
    traces, leaks = pl.scan_parquet(folder / "*.parquet").select(pl.len(), pl.col("leak").sum()).collect().row(0)
    return {"traces": traces, "leaks": leaks}


def _as_asked(config: Config, run: Run) -> Config:
    """Return the config with the text of leaking traces if the recipe publishes it."""
    if not run.recipe.publishes_leaking_text:
        return config
    return adapted(config, EVERY_TRACE, card=_PLACES, card_values=lambda _: {}, notes=_notes)


_PLACES = (
    "In `traces`, `leaks` gives the kind of each leak, the rule that found it, and where it starts and ends, in "
    "characters of reasoning and response joined by a line break."
)

EVERY_TRACE = Config(
    name="traces",
    shows="every trace with all its measurements",
    features=_schema_of,
    key=pl.col("trace_id"),
    rows=_rows,
    empty="there are no traces",
    as_asked=_as_asked,
    card=_PLACES
    + " The text of a leaking trace is omitted: `response` is empty, `reasoning` and `extracted_answer` are null. This "
    "applies to {{ leaks | number }} of {{ traces | number }} traces.",
    card_values=_leak_counts,
    notes=_notes_on_withheld,
)
