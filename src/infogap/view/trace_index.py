"""The narrow index of a run's traces that lists, filters and sorts work on; the texts stay on disk.

Categories are small integers and numbers are floats, so that a million traces take some tens of megabytes and a filter
some milliseconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from infogap.decontaminate.contaminated_traces import contaminated_traces
from infogap.effects.trace_summary import richness_of
from infogap.errors import InputError
from infogap.progress import Advance, progress
from infogap.runs.run_folder import Run
from infogap.schema import (
    ANNOTATIONS,
    BAND_NAMES,
    CONTAMINATION,
    DUPLICATES,
    MEASURES,
    MIX,
    TASKS,
    TRACES,
    VERDICT_NAMES,
    VERDICTS,
)

MISSING = {
    "privilege": "none",
    "verdict": "not verified",
    "band": "no band",
    "leak": "not measured",
    "mix": "in no mix",
    "reason": "not balanced",
    "family": "none",
    "teacher": "none",
    "tag": "no tag",
    "duplicate": "kept",
    "contaminated": "no match",
    "finish_reason": "not stated",
}
"""Columns that are filtered by their values, in the order in which the page shows them, and the name of no value."""
SNIPPET = 240
"""Characters of a question in the list."""
SEVERAL = ("leak", "mix")
"""Facets of which a trace can have several values."""
NO_LEAK = "no leak"
_READ_AT_ONCE = 200_000  # traces, in two seconds or less
_TABLES = 9  # that are read: tasks, traces, and what stands beside them
_BETWEEN = "\x1f"  # between the values of a trace that has several

NUMBERS = ("tokens", "words", "markers", "density", "gap", "score")
"""Columns that are filtered by a range: counts, markers per 1,000, nats per token, and 0..1."""


@dataclass(frozen=True)
class Facet:
    """A column with few values. `codes` has an entry per trace; `members` the values that each code stands for."""

    values: list[str]
    codes: NDArray[np.int32]
    members: list[tuple[int, ...]]

    @classmethod
    def of(cls, column: pl.Series, missing: str, order: Sequence[str] = (), several: bool = False) -> Facet:
        """Make a facet of a column of names: the known ones in their order, then others by name, then `missing`."""
        column = column.cast(pl.String).cast(pl.Categorical) if column.dtype != pl.Categorical else column
        distinct = column.unique().drop_nulls()
        has_null = column.null_count() > 0
        names = [*distinct.cast(pl.String).to_list(), *([missing] if has_null else [])]
        members = [name.split(_BETWEEN) if several else [name] for name in names]
        ranks = {name: rank for rank, name in enumerate(order)}
        known = {value for each in members for value in each}
        values = sorted(known, key=lambda value: (value == missing, ranks.get(value, len(ranks)), value))
        places = {value: place for place, value in enumerate(values)}
        numbered = [tuple(sorted({places[value] for value in each})) for each in members]
        in_order = sorted(set(numbered))
        # From polars' own numbers of the names, the next one standing for null, to those of this facet.
        own = distinct.to_physical().to_list()
        null = max(own, default=-1) + 1
        renumbered = np.zeros(null + 1, np.int32)
        for number, member in zip([*own, *([null] if has_null else [])], numbered, strict=True):
            renumbered[number] = in_order.index(member)
        return cls(values, renumbered[column.to_physical().fill_null(null).to_numpy()], in_order)

    def name(self, code: int) -> str:
        """Return the name of a code; several values are separated by commas."""
        return ", ".join(self.values[value] for value in self.members[code])

    def having(self, wanted: Iterable[str]) -> NDArray[np.bool_]:
        """Return, for each code, whether it stands for any of some values."""
        numbers = {self.values.index(value) for value in wanted}
        return np.array([not numbers.isdisjoint(member) for member in self.members], np.bool_)

    def counts(self, codes: NDArray[np.int32]) -> list[int]:
        """Count the traces of each value, in the order of `values`."""
        per_code = np.bincount(codes, minlength=len(self.members))
        totals = [0] * len(self.values)
        for code, values in enumerate(self.members):
            for value in values:
                totals[value] += int(per_code[code])
        return totals


@dataclass(frozen=True)
class TraceIndex:
    """All traces of a run, sorted by task, richness of the privilege, teacher, sample and round."""

    trace_ids: pl.Series
    places: NDArray[np.uint32]  # the trace's row on disk, over all parts
    task_numbers: NDArray[np.uint32]  # the row of its task in `tasks`
    samples: NDArray[np.int32]
    rounds: NDArray[np.int32]
    facets: dict[str, Facet]
    numbers: dict[str, NDArray[np.float64]]  # NaN where there is no value
    tasks: pl.DataFrame  # task_id, family, difficulty, source, snippet of the question; by task_id

    @property
    def height(self) -> int:
        return len(self.trace_ids)

    def position(self, trace_id: str) -> int | None:
        """Return the position of a trace in the index; None if there is no such trace."""
        found = (self.trace_ids == trace_id).arg_true()
        return int(found[0]) if len(found) else None

    def task_number(self, task_id: str) -> int | None:
        """Return the number of a task; None if there is no such task."""
        place = self.tasks["task_id"].search_sorted(task_id)
        number = int(place) if isinstance(place, int | np.integer) else 0
        return number if number < self.tasks.height and self.tasks["task_id"][number] == task_id else None

    def of_task(self, number: int) -> NDArray[np.int64]:
        """Return the positions of a task's traces, in the index's order."""
        first, last = np.searchsorted(self.task_numbers, [number, number + 1])
        return np.arange(first, last)


def read_index(run: Run) -> TraceIndex:
    """Read the index of a run.

    Raises InputError if the run has no traces or another version of infogap wrote it, ExternalError if a file is
    damaged.
    """
    if not run.part_paths(TRACES):
        raise InputError(f"{run.path} has no traces yet; `infogap run {run.path / 'recipe.yaml'}` makes them")
    try:
        waits = run.rows(TRACES) > _READ_AT_ONCE
        with progress("reading", _TABLES if waits else 0, "tables") as advance:
            return _read(run, advance)
    except (pl.exceptions.ColumnNotFoundError, pl.exceptions.SchemaError) as error:
        raise InputError(
            f"{run.path} has a table of another version of infogap ({str(error).splitlines()[0]}); "
            f"`infogap run {run.path / 'recipe.yaml'}` writes it again"
        ) from error


def _read(run: Run, advance: Advance) -> TraceIndex:
    tasks = (
        run.scan(TASKS)
        .select("task_id", "family", "difficulty", "source", snippet=pl.col("question").str.slice(0, SNIPPET))
        .sort("task_id")
        .collect()
    )
    advance()
    joined = _joined(run, tasks, advance)
    if joined.is_empty():
        raise InputError(f"{run.path} has no traces: the table is empty; `infogap status {run.path}` says why")
    return TraceIndex(
        trace_ids=joined["trace_id"],
        places=joined["place"].to_numpy().astype(np.uint32),
        task_numbers=joined["task_number"].to_numpy().astype(np.uint32),
        samples=joined["sample"].to_numpy().astype(np.int32),
        rounds=joined["round"].to_numpy().astype(np.int32),
        facets=dict(_facets(run, joined)),
        numbers={name: joined[name].cast(pl.Float64).to_numpy() for name in NUMBERS},
        tasks=tasks,
    )


def _joined(run: Run, tasks: pl.DataFrame, advance: Advance) -> pl.DataFrame:
    """Return the traces with their columns of all tables, in the index's order."""
    traces = (
        run.scan(TRACES)
        .select(
            "trace_id",
            "task_id",
            pl.col("privilege", "teacher", "finish_reason").cast(pl.Categorical),
            pl.col("sample", "round").cast(pl.Int32),
            tokens=pl.col("completion_tokens").cast(pl.Float64),
        )
        .with_row_index("place")
        .collect()
        .join(tasks.with_row_index("task_number").select("task_id", "task_number", "family"), on="task_id", how="left")
        .drop("task_id")
    )
    advance()
    for table in _side_tables(run):
        traces = _beside(traces, table)
        advance()
    ranks = {name: rank for rank, name in enumerate(_by_richness(run))}
    richness = pl.col("privilege").cast(pl.String).replace_strict(ranks, default=len(ranks), return_dtype=pl.Int32)
    by_name = [
        pl.col(name).cast(pl.String).cast(pl.Enum(traces[name].unique().drop_nulls().cast(pl.String).sort()))
        for name in ("privilege", "teacher")
    ]
    number = pl.col("task_number").fill_null(tasks.height)
    order = ("task_number", "richness", "privilege", "teacher", "sample", "round", "trace_id")
    return traces.with_columns(*by_name, number, richness=richness).sort(order, nulls_last=True)


def _side_tables(run: Run) -> Iterator[pl.DataFrame]:
    yield run.scan(VERDICTS).select("trace_id", pl.col("verdict").cast(pl.Categorical), "score").collect()
    measured = run.scan(MEASURES).select(
        "trace_id",
        pl.col("band").cast(pl.Categorical),
        words=pl.col("words").cast(pl.Float64),
        markers=pl.col("epistemic_count").cast(pl.Float64),
        density="epistemic_density",
        gap="gap_per_token",
        measured=pl.col("leak").is_not_null(),
    )
    yield measured.collect()
    kinds = pl.col("leaks").list.eval(pl.element().struct.field("kind")).list.unique().list.sort().list.join(_BETWEEN)
    yield run.scan(MEASURES).filter("leak").select("trace_id", leak=kinds.cast(pl.Categorical)).collect()
    yield run.scan(DUPLICATES).select("trace_id", duplicate=pl.lit("removed", pl.Categorical)).collect()
    yield contaminated_traces(run).select("trace_id", contaminated=pl.lit("matches", pl.Categorical)).collect()
    yield _mixes(run)
    yield run.scan(ANNOTATIONS).select("trace_id", tag=pl.col("tag").replace("", None).cast(pl.Categorical)).collect()


def _beside(traces: pl.DataFrame, table: pl.DataFrame) -> pl.DataFrame:
    """Add a table's columns to the traces. Most tables have the traces' order, which saves the join."""
    if table.is_empty():
        return traces.with_columns(
            pl.lit(None, dtype).alias(name) for name, dtype in table.schema.items() if name != "trace_id"
        )
    if table["trace_id"].equals(traces["trace_id"]):
        return traces.hstack(table.drop("trace_id"))
    return traces.join(table, on="trace_id", how="left", maintain_order="left")


def _mixes(run: Run) -> pl.DataFrame:
    """Return the mixes that hold each trace, and `selected` or the first mix's reason for leaving it out."""
    table = run.scan(MIX).select("trace_id", "selected", pl.col("mix", "reason").cast(pl.Categorical)).collect()
    selected = pl.col("selected")
    if table["mix"].n_unique() < 2:
        return table.select("trace_id", "reason", mix=pl.when(selected).then("mix"))
    names = pl.col("mix").cast(pl.String).filter(selected).sort().str.join(_BETWEEN)
    return table.group_by("trace_id", maintain_order=True).agg(
        mix=pl.when(selected.any()).then(names),
        reason=pl.when(selected.any()).then(pl.lit("selected")).otherwise(pl.col("reason").cast(pl.String).first()),
    )


def _by_richness(run: Run) -> list[str]:
    ranks = richness_of(run.recipe)
    return sorted(ranks, key=lambda name: (ranks[name], name))


def _facets(run: Run, joined: pl.DataFrame) -> Iterable[tuple[str, Facet]]:
    orders: dict[str, Sequence[str]] = {
        "privilege": _by_richness(run),
        "verdict": VERDICT_NAMES,
        "band": BAND_NAMES,
        "leak": (NO_LEAK,),
        "reason": ("selected",),
    }
    no_leak = pl.when(pl.col("leak").is_null() & pl.col("measured")).then(pl.lit(NO_LEAK, pl.Categorical))
    columns = joined.with_columns(leak=no_leak.otherwise("leak"))
    for name, named in MISSING.items():
        if name == "contaminated" and not run.part_paths(CONTAMINATION):
            continue
        missing = "not searched" if name == "duplicate" and not run.part_paths(DUPLICATES) else named
        yield name, Facet.of(columns[name], missing, orders.get(name, ()), name in SEVERAL)
