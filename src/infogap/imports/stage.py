"""The import stage: traces that exist already become rows of the traces and contexts tables.

The tasks stage has recorded, for every row of every source, which task it is or why it is none; here
the rows are read again for what their teacher wrote.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import polars as pl

from infogap.console import progress
from infogap.errors import InputError
from infogap.generate.trace_store import answered, move_to_cache
from infogap.imports.samples import samples_in
from infogap.imports.trace_rows import EMPTY, Origin, SourceSummary, TraceRows
from infogap.recipe import Recipe
from infogap.recipe.recipe_errors import spell_path
from infogap.recipe.sources import CREDITS, TraceColumns, TraceImport
from infogap.rows.source_rows import check_places, contents
from infogap.runs.run_folder import ROWS_PER_PART, Run
from infogap.runs.stage import Outcome, Stage
from infogap.schema import CONTEXTS, STATED_VERDICTS, TASKS, TRACES
from infogap.tasks.field_rows import read_fields
from infogap.tasks.stage import ROWS
from infogap.tasks.task_columns import TASK_COLUMNS, column_paths

_FIELDS = tuple(name for name in TraceColumns.model_fields if name not in TASK_COLUMNS)


def part(run: Run) -> dict[str, Any]:
    """The sources' settings and bytes."""
    return {
        spell_path(("import", index)): source.model_dump(mode="json", by_alias=True, exclude=CREDITS)
        | contents(run, source)
        for index, source in enumerate(run.recipe.import_ or [])
    }


def make(run: Run) -> Outcome:
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
        run.rewrite(TRACES) as traces,
        run.rewrite(CONTEXTS) as contexts,
        run.rewrite(STATED_VERDICTS) as verdicts,
        progress("import", tasks_of_rows.height, "rows") as advance,
    ):
        for index, source in enumerate(run.recipe.import_ or []):
            rows = tasks_of_rows.filter(pl.col("source") == index)
            summary = SourceSummary(source, rows.height)
            for _ in _batches(run, source, rows, made, summary, advance):
                traces.write(TRACES.frame(made.traces))
                contexts.write(CONTEXTS.frame(made.contexts))
                verdicts.write(STATED_VERDICTS.frame(made.stated_verdicts))
                made.clear()
            if not summary.traces:
                raise InputError(f"{source.from_}: no trace to import; {summary.reasons()}")
            counts.append(summary.as_counts())
            notes += summary.notes()
    publish = run.recipe.publish
    crossing = publish.preference is not None and publish.preference.crosses
    if "preference" in publish.configs and not crossing and max(made.samples.values()) < 2:
        raise InputError(
            "publish.configs: `preference` pairs a correct with a wrong trace of one task, privilege and teacher, and "
            "here none of these has more than one; leave `preference` out, or pair others "
            "with publish.preference"
        )
    return Outcome(traces.rows, {"sources": counts, "contexts": contexts.rows, "stated_verdicts": verdicts.rows}, notes)


def check_sources_are_there(run: Run) -> None:
    """Raise InputError if a source's files are not there."""
    for source in run.recipe.import_ or []:
        check_places(run, source)


def _rows_of_sources(run: Run) -> pl.DataFrame:
    path = run.path / TASKS.name / ROWS
    if not path.is_file():
        raise InputError(f"{path} is gone: it says which task each row answers; first: infogap tasks {run.path}")
    return pl.read_parquet(path)


def _batches(
    run: Run,
    source: TraceImport,
    rows: pl.DataFrame,
    made: TraceRows,
    summary: SourceSummary,
    advance: Callable[[], None],
) -> Iterator[None]:
    """Read a source's rows into `made`; yield each time when that holds a part of the traces table, and at the end."""
    fates = {row: (task_id, reason) for row, task_id, reason in rows.select("row", "task_id", "reason").iter_rows()}
    changed = InputError(f"{source.from_} has changed since its tasks were read; first: infogap tasks {run.path}")
    for number, values in read_fields(run, source, column_paths(source.columns, _FIELDS)):
        advance()
        if number not in fates:
            raise changed
        task_id, reason = fates.pop(number)
        samples = samples_in(values, source.columns)
        if task_id is None or isinstance(samples, str):
            summary.left_out[str(samples) if task_id else str(reason)] += 1
            continue
        for index, sample in enumerate(samples):
            origin = Origin.of(source, task_id, values, index)
            place = made.add_origin(origin)
            if sample.empty:
                summary.left_out[EMPTY] += 1
            else:
                parts = sample.parts(source)
                summary.add(sample, parts)
                made.add_trace(origin, place, sample, parts)
        if len(made.traces) >= ROWS_PER_PART:
            yield
    if fates:
        raise changed
    yield


def _absent(recipe: Recipe) -> str:
    return "" if recipe.imports else "this run has no stage import: its traces are generated"


STAGE = Stage(
    "import",
    ("traces", "contexts", STATED_VERDICTS.name),
    ("tasks",),
    4,
    part,
    make,
    absent=_absent,
    ready=check_sources_are_there,
)
