"""Read what belongs to one trace or one task from the run's tables, when a page asks for it."""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property
from itertools import accumulate
from typing import Any

import polars as pl

from infogap.errors import ExternalError
from infogap.runs.run_folder import Run
from infogap.schema import CONTEXTS, MEASURES, TASKS, TOKEN_GAPS, TRACES, VERDICTS, Table


class StoredTexts:
    """The texts of a run. A trace's row on disk is known from the index, so that one part alone is opened."""

    def __init__(self, run: Run) -> None:
        self._run = run

    @cached_property
    def _ends(self) -> list[int]:
        """The number of traces up to and including each part."""
        paths = self._run.part_paths(TRACES)
        return list(accumulate(int(pl.scan_parquet(path).select(pl.len()).collect().item()) for path in paths))

    def trace(self, trace_id: str, place: int) -> dict[str, Any]:
        """Return a trace's row of the table `traces`.

        Raises ExternalError if another trace is at its place: the run was rewritten since the index was read.
        """
        part = bisect_right(self._ends, place)
        first = self._ends[part - 1] if part else 0
        row = pl.scan_parquet(self._run.part_paths(TRACES)[part]).slice(place - first, 1).collect()
        if row.is_empty() or row["trace_id"][0] != trace_id:
            raise ExternalError(f"{self._run.path} has changed since it was read; load the page again")
        return row.row(0, named=True)

    def task(self, task_id: str) -> dict[str, Any]:
        """Return a task's row; a row of nulls if the run has no such task any more."""
        return self._row(TASKS, task_id) or dict.fromkeys(TASKS.schema, None) | {"task_id": task_id}

    def context(self, context_id: str | None) -> str | None:
        """Return the text of a context; None if the trace has none."""
        row = self._row(CONTEXTS, context_id) if context_id is not None else None
        return None if row is None else row["text"]

    def verdict(self, trace_id: str) -> dict[str, Any] | None:
        return self._row(VERDICTS, trace_id)

    def measured(self, trace_id: str) -> dict[str, Any] | None:
        return self._row(MEASURES, trace_id)

    def token_gaps(self, trace_id: str) -> dict[str, Any] | None:
        return self._row(TOKEN_GAPS, trace_id)

    def _row(self, table: Table, key: str) -> dict[str, Any] | None:
        rows = self._run.scan(table).filter(pl.col(table.key) == key).head(1).collect()
        return rows.row(0, named=True) if rows.height else None
