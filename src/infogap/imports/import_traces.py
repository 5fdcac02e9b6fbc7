"""Import traces that exist already: they become rows of the traces and contexts tables.

The tasks stage has recorded, for every row of every source, which task it is or why it is none; here
the rows are read again for what their teacher wrote.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import polars as pl

from infogap.errors import InputError
from infogap.generate.trace_store import answered, move_to_cache
from infogap.imports.former_import import TABLES, FormerImport, former_import
from infogap.imports.samples import samples_in
from infogap.imports.stage import STAGE, check_sources_are_there
from infogap.imports.trace_rows import EMPTY, Origin, SourceSummary, TraceRows
from infogap.progress import progress
from infogap.recipe.publish_section import SINGLE_ANSWERS, holds_single_answers
from infogap.recipe.source_columns import TraceColumns
from infogap.recipe.sources import TraceImport
from infogap.runs.run_folder import ROWS_PER_PART, Run, TableWriter
from infogap.runs.stage import Outcome
from infogap.schema import CONTEXTS, STATED_VERDICTS, TASKS, TRACE_TURNS, TRACES
from infogap.tasks.field_rows import FieldRows
from infogap.tasks.mapped_columns import TASK_COLUMNS, column_paths
from infogap.tasks.write_tasks import ROWS

_FIELDS = tuple(name for name in TraceColumns.model_fields if name not in TASK_COLUMNS)


def import_traces(run: Run) -> Outcome:
    """Read every source's rows and write their traces and contexts.

    Raises InputError where a source lacks a column or no row has a trace.
    """
    tasks_of_rows = _rows_of_sources(run)
    check_sources_are_there(run)  # before what was imported from them is removed
    if answered(run.path / TRACES.name) is not None:  # the run has generated before: what that cost is kept
        move_to_cache(run.path / TRACES.name)
    made = TraceRows()
    counts: list[dict[str, Any]] = []
    notes: list[str] = []
    with (
        former_import(run, STAGE.version) as former,
        run.rewrite(TRACES) as traces,
        run.rewrite(CONTEXTS) as contexts,
        run.rewrite(STATED_VERDICTS) as verdicts,
        run.rewrite(TRACE_TURNS) as turns,
        progress("import", tasks_of_rows.height, "rows") as advance,
    ):
        into = _Import(made, (traces, contexts, verdicts, turns), former, advance)
        for index, source in enumerate(run.recipe.import_ or []):
            summary = into.read(run, source, tasks_of_rows.filter(pl.col("source") == index))
            if not summary.traces:
                raise InputError(f"{source.from_}: no trace to import; {summary.reasons()}")
            counts.append(summary.as_counts())
            notes += summary.notes()
        former.restore(made, into.writers)
    publish = run.recipe.publish
    if turns.rows and (config := next((name for name in publish.configs if name in SINGLE_ANSWERS), None)):
        raise InputError(f"publish.configs: {holds_single_answers(config)}")
    crossing = publish.preference is not None and publish.preference.crosses
    if "preference" in publish.configs and not crossing and max(made.samples.values()) < 2:
        raise InputError(
            "publish.configs: `preference` pairs a correct with a wrong trace of one task, privilege and teacher, and "
            "here none of these has more than one; leave `preference` out, or pair others "
            "with publish.preference"
        )
    return Outcome(traces.rows, {"sources": counts, "contexts": contexts.rows, "stated_verdicts": verdicts.rows}, notes)


def _rows_of_sources(run: Run) -> pl.DataFrame:
    path = run.path / TASKS.name / ROWS
    if not path.is_file():
        raise InputError(f"{path} is gone: it says which task each row answers; first: infogap tasks {run.path}")
    return pl.read_parquet(path)


@dataclass(frozen=True)
class _Import:
    """Where traces are imported to: the rows that are not written yet, and the writers of TABLES."""

    made: TraceRows
    writers: tuple[TableWriter, ...]
    former: FormerImport
    advance: Callable[[int], None]

    def read(self, run: Run, source: TraceImport, rows: pl.DataFrame) -> SourceSummary:
        """Import a source, whose rows have these fates; blocks that are known from the former import are not read."""
        summary = SourceSummary(source, rows.height)
        fields = FieldRows(run, source, column_paths(source.columns, _FIELDS))
        changed = InputError(f"{source.from_} has changed since its tasks were read; first: infogap tasks {run.path}")
        fates: dict[int, tuple[str | None, str | None]] | None = None  # of the rows that are read
        start = end = 0  # of the fates of a block's rows
        for block in fields.blocks():
            start, end = end, rows["row"].search_sorted((block.last or 0) + 1)
            known = self.former.follow(source, block, rows[start:end])
            if known is not None:
                fields.skip(known["found"])
                summary.go_on_from(known["summary"])
                self.advance(end - start)
                continue
            self.former.restore(self.made, self.writers)
            if fates is None:
                fates = {row: (task_id, why) for row, task_id, why in rows[start:].drop("source").iter_rows()}
            found: set[str] = set()
            for number, _, values in fields.values_of(block.rows(), found):
                if number not in fates:
                    raise changed
                self._add(source, number, fates.pop(number), values, summary)
                self.advance(1)
            self.former.keep(self.made, found, summary, self.writers)
        if fates or (fates is None and end < rows.height):
            raise changed
        self._write()
        return summary

    def _add(
        self,
        source: TraceImport,
        number: int,
        fate: tuple[str | None, str | None],
        values: dict[str, Any],
        summary: SourceSummary,
    ) -> None:
        """Add the samples of a row."""
        task_id, reason = fate
        samples = samples_in(values, source)
        if task_id is None or isinstance(samples, str):
            summary.leave_out(str(samples) if task_id else str(reason), None if task_id is None else number)
            return
        for index, sample in enumerate(samples):
            origin = Origin.of(source, task_id, values, index)
            place = self.made.add_origin(origin)
            if sample.empty:
                summary.left_out[EMPTY] += 1
            else:
                parts = sample.parts(source)
                summary.add(sample, parts)
                self.made.add_trace(origin, place, sample, parts)
        if len(self.made.traces) >= ROWS_PER_PART:
            self._write()

    def _write(self) -> None:
        for table, rows, out in zip(TABLES, self.made.tables, self.writers, strict=True):
            out.write(table.frame(rows))
        self.made.clear()
