"""Which tasks to ask for more samples, and for how many, so that a mix gets the traces that it lacks.

A cell is one task under one privilege, answered by one teacher. The more of its traces fit what is lacking, the fewer
samples are asked for each missing trace; the cells that have the fewest traces are asked first, in an order that is
drawn from the seed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from infogap import ids
from infogap.balance.lacking import Lack
from infogap.balance.mix_pool import COMPUTED_COLUMNS
from infogap.balance.unreachable import NEVER
from infogap.recipe.balance_section import MOST_PER_TRACE

Cell = tuple[str, str, str]  # teacher, privilege, task_id

_OF_TASKS = ("family", "source", "difficulty", *COMPUTED_COLUMNS)  # values that no further sample of a task changes
_PERHAPS = ("excluded_by_where", "task_not_drawn", "unmatched")


@dataclass(frozen=True)
class MixLack:
    """What one mix lacks: traces of some strata, or of some tasks.

    `traces` has every trace of the run with its values on the mix's axes, `reason`, null where it could be in the mix,
    and `selected`. `cap` is the most traces of one task, `cluster_cap` of one cluster of tasks.
    """

    name: str
    traces: pl.DataFrame
    lacks: Sequence[Lack] = ()
    of_tasks: dict[str, int] | None = None
    cap: int | None = None
    cluster_cap: int | None = None

    @property
    def missing(self) -> int:
        """The number of missing traces."""
        return sum(lack.traces for lack in self.lacks) + sum((self.of_tasks or {}).values())


def samples_to_request(lack: MixLack, seed: int, max_attempts: int | None) -> dict[Cell, int]:
    """Return how many more samples to ask of each cell; none where no task can give what is lacking.

    `max_attempts` is the most traces that the recipe allows a cell.
    """
    cells = _cells(lack, seed, max_attempts)
    samples: dict[Cell, int] = {}
    asked = [
        *(_of_strata(lack, cells, alike) for alike in _by_request(lack.lacks)),
        *(_of_task(lack, cells, task_id, count) for task_id, count in (lack.of_tasks or {}).items()),
    ]
    for each in asked:
        for cell, count in each.items():
            samples[cell] = samples.get(cell, 0) + count
    return _allowed(samples, cells)


def _cells(lack: MixLack, seed: int, max_attempts: int | None) -> pl.DataFrame:
    """Return every cell that could give a trace to the mix, those asked first at the top.

    `left` is the number of samples that the recipe still allows; `room` is what the task may still give to the mix: a
    task that has given all it may is not asked again, as further traces would only replace others. A cell is asked
    `later`, where no other can be, if none of its traces could be in the mix.
    """
    of_tasks = lack.traces.group_by("task_id").agg(chosen=pl.col("selected").sum().cast(pl.Int64))
    room = pl.lit(None, dtype=pl.Int64) if lack.cap is None else (lack.cap - pl.col("chosen")).clip(lower_bound=0)
    of_tasks = of_tasks.with_columns(room=room)
    if lack.cluster_cap is not None:
        clusters = lack.traces.group_by("cluster").agg(in_cluster=pl.col("selected").sum().cast(pl.Int64))
        own = lack.traces.select("task_id", "cluster").unique().join(clusters, on="cluster")
        free = (lack.cluster_cap - pl.col("in_cluster")).clip(lower_bound=0)
        of_tasks = of_tasks.join(own.select("task_id", free=free), on="task_id", how="left").with_columns(
            room=pl.min_horizontal("room", "free")
        )
    tasks = of_tasks["task_id"]
    drawn = pl.DataFrame(
        {"task_id": tasks, "drawn": [ids.digest((seed, task)) for task in tasks]},
        schema={"task_id": pl.String, "drawn": pl.String},
    )
    left = pl.lit(None, dtype=pl.Int64) if max_attempts is None else max_attempts - pl.col("traces")
    return (
        lack.traces.group_by("teacher", "privilege", "task_id")
        .agg(
            traces=pl.len().cast(pl.Int64),
            never=pl.col("reason").is_in(NEVER).fill_null(value=False).all(),
            later=pl.col("reason").is_in((*NEVER, *_PERHAPS)).fill_null(value=False).all(),
        )
        .filter(~pl.col("never"))
        .join(of_tasks.select("task_id", "room"), on="task_id")
        .join(drawn, on="task_id")
        .with_columns(left=left)
        .filter(*((pl.col(name) > 0).fill_null(value=True) for name in ("left", "room")))
        .sort("traces", "drawn", "teacher", "privilege")
    )


def _by_request(lacks: Iterable[Lack]) -> Iterator[list[Lack]]:
    """Put together the lacks for which the same requests serve: they differ only in how the samples turn out."""
    groups: dict[tuple[str | None, tuple[tuple[str, str], ...]], list[Lack]] = {}
    for lack in lacks:
        known = {name: value for name, value in lack.values.items() if name in (*_OF_TASKS, "teacher")}
        groups.setdefault((lack.privilege, tuple(sorted(known.items()))), []).append(lack)
    yield from groups.values()


def _of_strata(lack: MixLack, cells: pl.DataFrame, alike: list[Lack]) -> dict[Cell, int]:
    """Spread the samples for one kind of request over the cells that can give what is lacking."""
    first = alike[0]
    known = {name: value for name, value in first.values.items() if name in _OF_TASKS}
    if known:
        able = lack.traces.filter(*(pl.col(name) == value for name, value in known.items()))
        cells = cells.join(able, on="task_id", how="semi", maintain_order="left")
    if "teacher" in first.values:
        cells = cells.filter(teacher=first.values["teacher"])
    privilege = first.privilege or _likeliest(lack.traces, cells, alike)
    if privilege is None:
        return {}
    cells = cells.filter(privilege=privilege)
    of_cells = lack.traces.join(cells, on=["teacher", "privilege", "task_id"], how="semi")
    of_privilege = lack.traces.filter(privilege=privilege)
    room = cells.unique("task_id")["room"]
    missing = sum(each.traces for each in alike)
    missing = missing if room.null_count() else min(missing, int(room.sum()))
    wanted = missing
    for each in alike:
        rate = _rate(of_cells, each) or _rate(of_privilege, each, without=_OF_TASKS)
        wanted = max(wanted, math.ceil(min(each.traces, missing) / rate)) if rate else wanted
    return _spread(cells, min(wanted, MOST_PER_TRACE * missing), missing)


def _of_task(lack: MixLack, cells: pl.DataFrame, task_id: str, missing: int) -> dict[Cell, int]:
    """Spread the samples for a task that has too few traces over its cells under the likeliest privilege."""
    any_trace = Lack(missing, {}, None, None)
    own = cells.filter(task_id=task_id)
    privilege = _likeliest(lack.traces, own, [any_trace])
    if privilege is None:
        return {}
    of_tasks = pl.col("task_id").is_in(list(lack.of_tasks or {})) & (pl.col("privilege") == privilege)
    rate = _rate(lack.traces.filter(of_tasks), any_trace)
    wanted = max(missing, math.ceil(missing / rate)) if rate else missing
    own = own.filter(privilege=privilege).with_columns(room=pl.lit(None, dtype=pl.Int64))
    return _spread(own, min(wanted, MOST_PER_TRACE * missing), missing)


def _likeliest(traces: pl.DataFrame, cells: pl.DataFrame, alike: list[Lack]) -> str | None:
    """Return the privilege whose traces fit what is lacking most often; of equal ones the first by name."""
    privileges = sorted(cells["privilege"].unique())
    rates = {
        name: max(_rate(traces.filter(privilege=name), each, without=_OF_TASKS) for each in alike)
        for name in privileges
    }
    return max(privileges, key=lambda name: rates[name]) if privileges else None


def _rate(traces: pl.DataFrame, lack: Lack, without: Sequence[str] = ()) -> float:
    """Return the share of traces that could be in the mix and have the values that are lacking; 0 without traces."""
    if traces.is_empty():
        return 0.0
    values = {name: value for name, value in lack.values.items() if name not in without}
    fits = traces.filter(pl.col("reason").is_null(), *(pl.col(name) == value for name, value in values.items()))
    return fits.height / traces.height


def _spread(cells: pl.DataFrame, samples: int, missing: int) -> dict[Cell, int]:
    """Spread samples evenly: one to each cell in turn, as far as its task has room for the traces expected of them.

    Cells that are to be asked later get what the others cannot take.
    """
    given: dict[Cell, int] = {}
    left = samples
    per_trace = samples / max(1, missing)
    for later in (False, True):
        most: dict[Cell, int] = {}
        for row in cells.filter(pl.col("later") == later).iter_rows(named=True):
            limits = [samples] if row["left"] is None else [row["left"]]
            if row["room"] is not None:
                limits.append(math.ceil(row["room"] * per_trace))
            most[row["teacher"], row["privilege"], row["task_id"]] = min(limits)
        turn = list(most)
        while left and turn:
            for cell in turn[:left]:
                given[cell] = given.get(cell, 0) + 1
            left -= min(left, len(turn))
            turn = [cell for cell in turn if given.get(cell, 0) < most[cell]]
    return given


def _allowed(samples: dict[Cell, int], cells: pl.DataFrame) -> dict[Cell, int]:
    """Keep to the number of samples that the recipe allows a cell, whatever it is asked for."""
    left = {
        (teacher, privilege, task_id): most
        for teacher, privilege, task_id, most in cells.select("teacher", "privilege", "task_id", "left").iter_rows()
    }
    return {cell: min(count, left[cell]) if left[cell] is not None else count for cell, count in samples.items()}
