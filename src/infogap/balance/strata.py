"""The strata of each mix: its candidates by the values on its axes, and how many traces of each task it may take."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from infogap import ids
from infogap.balance.axes import Axis, Counts
from infogap.balance.coverage import Ask, room_by_cluster
from infogap.balance.mix_drafts import MixDraft, mix_drafts, tasks_by_draw, with_tasks_drawn
from infogap.balance.task_flow import Spread, Supply
from infogap.recipe.balance_section import MixSettings
from infogap.runs.run_folder import Run


@dataclass(frozen=True)
class Strata:
    """The traces of a run, sorted into strata by the axes of one mix.

    `traces` has every trace, by trace_id, with its `stratum` and, if it is excluded, a `reason` with its `detail`.
    `candidates` are those without a reason, with the indices `cell` (a stratum with candidates) and `task` that
    `supply` uses, and `draw`, which orders the traces of a task. Of matched mixes they have a `unit` in common with
    their counterparts. `size` is the number of traces that coverage and matching amount to; None where they leave it
    open.
    """

    name: str
    mix: MixSettings
    axes: tuple[Axis, ...]
    traces: pl.DataFrame
    candidates: pl.DataFrame
    supply: Supply
    notes: list[str]
    size: int | None


def read_strata(run: Run) -> list[Strata]:
    """Sort a run's traces into the strata of each mix of its recipe.

    Raises InputError if a share names a value that no trace has, or a mix would hold the traces of several teachers
    unasked; ShortfallError if there are too few tasks for a mix's coverage.
    """
    seed = run.recipe.seed
    drafts = with_tasks_drawn(mix_drafts(run), seed)
    return [_strata(name, draft, seed) for name, draft in drafts.items()]


@dataclass(frozen=True)
class TaskSupply:
    """What a mix asks of the tasks, and what each can supply: `task_id`, `family`, `traces`, in the drawn order.

    `traces` are all those of the run, as those of `Strata`.
    """

    name: str
    mix: MixSettings
    ask: Ask
    tasks: pl.DataFrame
    traces: pl.DataFrame


def read_task_supplies(run: Run) -> list[TaskSupply]:
    """Return what the tasks can supply to each mix that counts its tasks; 0 traces where it is none.

    Raises what `read_strata` raises, but not for too few tasks.
    """
    if not any(Ask.of(mix) for _, mix in run.recipe.balance.named_mixes()):
        return []
    supplies = []
    for name, draft in mix_drafts(run).items():
        ask = Ask.of(draft.mix)
        if ask is not None:
            able = tasks_by_draw(draft, run.recipe.seed)
            others = draft.traces.filter(~pl.col("task_id").is_in(able["task_id"].to_list()))
            none = others.group_by("task_id").agg(pl.col("family").first()).sort("task_id")
            tasks = pl.concat([able, none.with_columns(traces=pl.lit(0, dtype=pl.Int64))])
            supplies.append(TaskSupply(name, draft.mix, ask, tasks, draft.traces))
    return supplies


def following(strata: Strata, chosen: pl.DataFrame, *, by_unit: bool, seed: int) -> Strata:
    """Leave in a mix as many traces of each task as are `chosen` in one that it is matched with.

    `by_unit`: only the counterparts of those, which have the same values, or like lengths.
    """
    key = "unit" if by_unit else "task_id"
    own = strata.candidates.select("trace_id", "draw", "unit")
    traces = strata.traces.join(own, on="trace_id", how="left", maintain_order="left")
    room = dict(chosen["task_id"].value_counts().iter_rows())
    draft = MixDraft(strata.mix, strata.axes, traces, strata.notes, room, strata.size, follows=True)
    return _strata(strata.name, draft.without("unmatched", chosen, key), seed)


def _strata(name: str, draft: MixDraft, seed: int) -> Strata:
    """Number the candidates' cells and tasks, and count what each task may give."""
    candidates, cells = _with_cells(draft.candidates, draft.axes)
    drawn = sorted(candidates["task_id"].unique(), key=lambda task: ids.digest((seed, task)))
    order = pl.DataFrame({"task_id": drawn}, schema={"task_id": pl.String}).with_row_index("task")
    candidates = candidates.join(order.cast({"task": pl.Int64}), on="task_id", how="left", maintain_order="left")
    members = [cells[axis.name].cast(pl.Int64).to_numpy().astype(np.int64) for axis in draft.axes]
    supply = Supply.of(candidates, members, cells.height, _room(draft, candidates, drawn))
    columns = [column for column in draft.traces.columns if column not in ("draw", "unit")]
    return Strata(
        name, draft.mix, draft.axes, draft.traces.select(columns), candidates, supply, draft.notes, draft.size
    )


def _room(draft: MixDraft, candidates: pl.DataFrame, drawn: list[str]) -> Counts | None:
    """Return the most traces of each task; None where nothing limits them."""
    limits: list[Counts] = []
    if draft.room is not None:
        limits.append(np.array([draft.room[task] for task in drawn], dtype=np.int64))
    if draft.follows:
        return limits[0]
    if draft.mix.max_per_task is not None:
        limits.append(np.full(len(drawn), draft.mix.max_per_task, dtype=np.int64))
    if draft.mix.max_per_cluster is not None:
        tasks = candidates.group_by("task").agg(pl.col("cluster").first(), traces=pl.len().cast(pl.Int64)).sort("task")
        if limits:
            tasks = tasks.with_columns(traces=np.minimum(tasks["traces"].to_numpy(), np.minimum.reduce(limits)))
        limits.append(room_by_cluster(draft.mix.max_per_cluster, tasks))
    return np.minimum.reduce(limits) if limits else None


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


def pick(strata: Strata, counts: Counts) -> pl.DataFrame:
    """Return every candidate's trace_id and the decision on it: selected, or why not.

    Of a task's traces in one cell, those that the seed draws first are selected.
    """
    supply = strata.supply
    pairs = {"cell": supply.cell, "task": supply.task, "taken": Spread(supply).of(counts)}
    placed = strata.candidates.join(pl.DataFrame(pairs), on=["cell", "task"], how="left").with_columns(
        selected=pl.col("draw").rank("ordinal").over("cell", "task") <= pl.col("taken")
    )
    room = pl.DataFrame({"task": np.arange(supply.tasks), "room": supply.room})
    placed = placed.join(room, on="task", how="left")
    is_full = pl.col("selected").sum().over("task") >= pl.col("room")
    limit = strata.mix.max_per_task
    by_cluster = pl.lit(strata.mix.max_per_cluster is not None) & (
        pl.col("room") < (placed.height + 1 if limit is None else limit)
    )
    decision = (
        pl.when("selected")
        .then(pl.lit("selected"))
        .when(is_full & by_cluster)
        .then(pl.lit("max_per_cluster"))
        .when(is_full)
        .then(pl.lit("max_per_task"))
        .otherwise(pl.lit("over_quota"))
    )
    return placed.select("trace_id", decision=decision)
