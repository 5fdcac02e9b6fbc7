"""Which traces can be in the mix, in which stratum each is, and which of them are picked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from infogap import ids
from infogap.balance.axes import Axis, Counts, read_axes
from infogap.balance.exclusion_reasons import detail_of_trace, of_shares, of_trace
from infogap.balance.task_flow import Supply, spread
from infogap.decontaminate.checked_texts import contaminated_traces
from infogap.errors import InputError
from infogap.measure.load_measures import measures_table
from infogap.recipe.mix_sections import Balance
from infogap.runs.run_folder import Run
from infogap.schema import DUPLICATES, MEASURES, TASKS, TRACES, VERDICTS, Table
from infogap.verify.pass_rate_filter import PROBED, not_selected
from infogap.verify.verifiers import verifier

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


@dataclass(frozen=True)
class Strata:
    """The traces of a run, sorted into strata by the axes of its recipe.

    `traces` has every trace, by trace_id, with its `stratum` and, if it is excluded, a `reason` with its `detail`.
    `candidates` are those without a reason, with the indices `cell` (a stratum with candidates) and `task` that
    `supply` uses.
    """

    axes: tuple[Axis, ...]
    traces: pl.DataFrame
    candidates: pl.DataFrame
    supply: Supply
    notes: list[str]


def read_strata(run: Run) -> Strata:
    """Sort a run's traces into strata. Raises InputError if a share names a family that no trace has."""
    balance = run.recipe.balance
    traces = _traces(run, balance)
    axes, notes = read_axes(balance, traces)
    without_share, which = of_shares(axes)
    traces = traces.with_columns(
        stratum=_stratum(axes),
        reason=pl.coalesce("reason", without_share),
        detail=pl.when(pl.col("reason").is_null()).then(which).otherwise("detail"),
    )
    candidates = traces.filter(pl.col("reason").is_null())
    candidates, cells = _with_cells(candidates, axes)
    candidates = _with_tasks(candidates, run.recipe.seed)
    members = [cells[axis.name].to_numpy() for axis in axes]
    supply = Supply.of(candidates, members, cells.height, balance.max_per_task)
    return Strata(axes, traces, candidates, supply, notes)


def _traces(run: Run, balance: Balance) -> pl.DataFrame:
    """Return every trace, by trace_id, with its value on each possible axis, and a reason if it cannot be selected.

    Nothing can grade the traces of a task without a gold answer. With reasoning-gym or a user's own verifier, an
    ungradable trace is one on which the verifier failed.
    """
    responds = pl.col("response").str.contains(r"\S").fill_null(False)
    named = sorted({source.verifier for source in run.recipe.table_sources})
    need_gold = [name for name in named if verifier(name).needs_gold]
    without_gold = pl.col("answer").fill_null("").str.strip_chars().eq("") & pl.col("verifier").is_in(need_gold)
    leak_kind = pl.col("leaks").list.first().struct.field("kind")
    return (
        run.scan(TRACES)
        .select("trace_id", "task_id", "privilege", "teacher", "error", "finish_reason", responds=responds)
        .join(run.scan(TASKS).select("task_id", "family", without_gold=without_gold), on="task_id", how="left")
        .join(run.scan(VERDICTS).select("trace_id", "verdict"), on="trace_id", how="left")
        .join(run.scan(MEASURES).select("trace_id", "band", "leak", leak_kind=leak_kind), on="trace_id", how="left")
        .join(run.scan(DUPLICATES).select("trace_id", duplicate=True), on="trace_id", how="left")
        .join(_contaminated(run).with_columns(contaminated=True), on="trace_id", how="left")
        .join(not_selected(run).with_columns(left_out=True), on=PROBED, how="left")
        .join(_outside_where(run, balance).with_columns(outside_where=True), on="trace_id", how="left")
        .with_columns(reason=of_trace(balance))
        .select("trace_id", "task_id", "family", "privilege", "verdict", "band", "reason", detail=detail_of_trace())
        .sort("trace_id")
        .collect()
    )


def _contaminated(run: Run) -> pl.LazyFrame:
    """Return the traces that match evaluation sets, if the recipe drops them."""
    settings = run.recipe.decontaminate
    traces = contaminated_traces(run)
    return traces if settings is not None and settings.policy == "drop" else traces.clear()


def _outside_where(run: Run, balance: Balance) -> pl.LazyFrame:
    """The traces that the recipe's condition excludes."""
    if balance.where is None:
        return pl.LazyFrame(schema={"trace_id": pl.String})
    return excluded_by(run, balance.where)


def _stratum(axes: tuple[Axis, ...]) -> pl.Expr:
    """Name the stratum: `band=mixed verdict=correct`; null if a value is missing, or without axes."""
    if not axes:
        return pl.lit(None, dtype=pl.String)
    return pl.concat_str([pl.format(f"{axis.name}={{}}", pl.col(axis.name)) for axis in axes], separator=" ")


def _with_cells(candidates: pl.DataFrame, axes: tuple[Axis, ...]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Number the candidates' strata; the second frame has the value of each on every axis, as an index."""
    if not axes:  # all candidates are one stratum, if there are any
        candidates = candidates.with_columns(cell=pl.lit(0, dtype=pl.Int64))
        return candidates, candidates.select("cell").unique()
    names = [axis.name for axis in axes]
    places = candidates.select(
        pl.col(axis.name).replace_strict(list(axis.values), range(len(axis.values)), return_dtype=pl.Int64)
        for axis in axes
    )
    cells = places.unique().sort(names).with_row_index("cell").cast({"cell": pl.Int64})
    indices = places.join(cells, on=names, how="left", maintain_order="left")["cell"]
    return candidates.with_columns(cell=indices), cells


def _with_tasks(candidates: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Number the tasks and rank the traces in an order drawn from the seed, which breaks ties."""
    tasks = candidates["task_id"].unique().to_list()
    drawn = sorted(tasks, key=lambda task: ids.digest((seed, task)))
    order = pl.DataFrame({"task_id": drawn}, schema={"task_id": pl.String}).with_row_index("task")
    ranks = [ids.digest((seed, trace_id)) for trace_id in candidates["trace_id"]]
    return candidates.with_columns(draw=pl.Series(ranks, dtype=pl.String)).join(
        order.cast({"task": pl.Int64}), on="task_id", how="left", maintain_order="left"
    )


def pick(strata: Strata, counts: Counts) -> pl.DataFrame:
    """Return every candidate's trace_id and the decision on it: selected, or why not.

    Of a task's traces in one cell, those that the seed draws first are selected.
    """
    supply = strata.supply
    pairs = {"cell": supply.cell, "task": supply.task, "taken": spread(supply, counts)}
    placed = strata.candidates.join(pl.DataFrame(pairs), on=["cell", "task"], how="left").with_columns(
        selected=pl.col("draw").rank("ordinal").over("cell", "task") <= pl.col("taken")
    )
    task_is_full = pl.col("selected").sum().over("task") >= (placed.height + 1 if supply.cap is None else supply.cap)
    decision = (
        pl.when("selected")
        .then(pl.lit("selected"))
        .when(task_is_full)
        .then(pl.lit("max_per_task"))
        .otherwise(pl.lit("over_quota"))
    )
    return placed.select("trace_id", decision=decision)
