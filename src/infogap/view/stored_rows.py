"""The rows of a run's tables that belong to one trace or one task: read from disk when asked for, or held in memory."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from functools import cached_property
from itertools import accumulate
from typing import Any, Protocol

import polars as pl

from infogap.decontaminate.stage import QUESTIONS
from infogap.errors import ExternalError
from infogap.runs.run_folder import Run
from infogap.schema import (
    CONTAMINATION,
    CONTEXTS,
    DUPLICATES,
    GAPS,
    MEASURES,
    MIX,
    TASKS,
    TOKEN_GAPS,
    TRACES,
    VERDICTS,
    Table,
)

Row = dict[str, Any]


class Rows(Protocol):
    """Where the pages' rows come from."""

    def trace(self, trace_id: str, place: int) -> Row:
        """Return a trace's row of `traces`; `place` is its row over all parts."""
        ...

    def of(self, table: Table, column: str, value: str) -> list[Row]:
        """Return the rows of a table with this value in a column of ids."""
        ...


def scan_with_questions(run: Run, table: Table) -> pl.LazyFrame:
    """Scan a table; `contamination` with the text of each evaluation question as `question`."""
    questions = run.path / CONTAMINATION.name / QUESTIONS
    if table is not CONTAMINATION or not questions.is_file():
        return run.scan(table)
    return run.scan(table).join(pl.scan_parquet(questions), on=["eval_set", "eval_row"], how="left")


class StoredRows:
    """The rows of a run on disk. A trace's place is known from the index, so that one part alone is opened."""

    def __init__(self, run: Run) -> None:
        self._run = run

    @cached_property
    def _ends(self) -> list[int]:
        """The number of traces up to and including each part."""
        paths = self._run.part_paths(TRACES)
        return list(accumulate(int(pl.scan_parquet(path).select(pl.len()).collect().item()) for path in paths))

    def trace(self, trace_id: str, place: int) -> Row:
        """Return a trace's row.

        Raises ExternalError if another trace is at its place: the run was rewritten since the index was read.
        """
        part = bisect_right(self._ends, place)
        first = self._ends[part - 1] if part else 0
        row = pl.scan_parquet(self._run.part_paths(TRACES)[part]).slice(place - first, 1).collect()
        if row.is_empty() or row["trace_id"][0] != trace_id:
            raise ExternalError(f"{self._run.path} has changed since it was read; load the page again")
        return row.row(0, named=True)

    def of(self, table: Table, column: str, value: str) -> list[Row]:
        return scan_with_questions(self._run, table).filter(pl.col(column) == value).collect().to_dicts()


class HeldRows:
    """The rows of some traces and of their tasks, read at once."""

    def __init__(self, run: Run, trace_ids: Iterable[str]) -> None:
        """Read the rows of these traces, and the texts of the traces that they are duplicates of."""
        ids = sorted(trace_ids)
        self._held: dict[tuple[str, str], dict[str, list[Row]]] = {}
        self._run = run
        removed = self._hold(DUPLICATES, "trace_id", ids)
        self._hold(DUPLICATES, "duplicate_of", ids)
        traces = self._hold(TRACES, "trace_id", [*ids, *removed["duplicate_of"]])
        self._hold(TASKS, "task_id", traces["task_id"])
        self._hold(CONTEXTS, "context_id", traces["context_id"].drop_nulls())
        self._hold(CONTAMINATION, "id", pl.concat([traces[each] for each in ("trace_id", "task_id", "context_id")]))
        for table in (VERDICTS, MEASURES, GAPS, TOKEN_GAPS, MIX):
            self._hold(table, "trace_id", ids)

    def _hold(self, table: Table, column: str, values: Iterable[str | None]) -> pl.DataFrame:
        wanted = pl.Series(values, dtype=pl.String).drop_nulls().unique()
        found = scan_with_questions(self._run, table).filter(pl.col(column).is_in(wanted.implode())).collect()
        by_value = self._held[table.name, column] = defaultdict(list)
        for row in found.iter_rows(named=True):
            by_value[row[column]].append(row)
        return found

    def trace(self, trace_id: str, place: int) -> Row:  # noqa: ARG002
        return self.of(TRACES, "trace_id", trace_id)[0]

    def of(self, table: Table, column: str, value: str) -> list[Row]:
        return self._held[table.name, column].get(value, [])
