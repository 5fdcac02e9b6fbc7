"""The rows of a run's tables that belong to one trace or one task: read from disk when asked for, or held in memory."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from itertools import accumulate
from pathlib import Path
from typing import Any, Protocol

import polars as pl
from pyarrow.parquet import read_metadata

from infogap.decontaminate.stage import QUESTIONS
from infogap.errors import ExternalError
from infogap.runs.run_folder import Run, check_part
from infogap.schema import (
    CONTAMINATION,
    CONTEXTS,
    DUPLICATES,
    GAPS,
    MEASURES,
    MIX,
    TASKS,
    TOKEN_GAPS,
    TRACE_TURNS,
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

    def beside(self, table: Table, trace_id: str, place: int) -> Row | None:
        """Return a trace's row of a table that has at most one for each trace."""
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


def _rows_in(path: Path) -> int:
    """Return the number of rows of a part. Raises ExternalError if it is damaged."""
    check_part(path)
    return int(read_metadata(path).num_rows)


def _row_of(path: Path, table: Table, row: int) -> Row:
    """Read one row of a part, its declared columns alone."""
    return pl.scan_parquet(path).select(table.schema.names()).slice(row, 1).collect().row(0, named=True)


class StoredRows:
    """The rows of a run on disk. A trace's place is known from the index, so that one part alone is opened."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._parts: dict[str, tuple[list[Path], list[int]]] = {}

    def trace(self, trace_id: str, place: int) -> Row:
        """Return a trace's row.

        Raises ExternalError if another trace is at its place: the run was rewritten since the index was read.
        """
        row = self._at(TRACES, place)
        if row is None or row["trace_id"] != trace_id:
            raise ExternalError(f"{self._run.path} has changed since it was read; load the page again")
        return row

    def beside(self, table: Table, trace_id: str, place: int) -> Row | None:
        """Return a trace's row of a table. Most stages keep the order of the traces, so its place is tried first."""
        row = self._at(table, place)
        if row is not None and row["trace_id"] == trace_id:
            return row
        rows = self.of(table, table.key, trace_id)
        return rows[0] if rows else None

    def _at(self, table: Table, place: int) -> Row | None:
        """Return the row of a table at a place over all its parts, of which one is opened."""
        if table.name not in self._parts:
            paths = self._run.part_paths(table)
            self._parts[table.name] = paths, list(accumulate(map(_rows_in, paths)))
        paths, ends = self._parts[table.name]
        part = bisect_right(ends, place)
        if part == len(paths):
            return None
        first = ends[part - 1] if part else 0
        return _row_of(paths[part], table, place - first)

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
        for table in (VERDICTS, TRACE_TURNS, MEASURES, GAPS, TOKEN_GAPS, MIX):
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

    def beside(self, table: Table, trace_id: str, place: int) -> Row | None:  # noqa: ARG002
        rows = self.of(table, "trace_id", trace_id)
        return rows[0] if rows else None

    def of(self, table: Table, column: str, value: str) -> list[Row]:
        return self._held[table.name, column].get(value, [])
