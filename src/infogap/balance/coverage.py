"""The tasks that a mix covers: drawn from the seed among those that can supply its traces, nested if wanted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from infogap.balance.axes import Axis, Counts, tempered
from infogap.effects.evenness import effective_number
from infogap.errors import ShortfallError
from infogap.recipe.balance_section import Coverage, MixSettings

_AIMS = 101  # effective numbers to try, until one is still high enough after rounding to whole traces


@dataclass(frozen=True)
class Ask:
    """What one mix asks of the tasks: how many, and the most traces that one of them must supply."""

    tasks: int
    per_task: int

    @classmethod
    def of(cls, mix: MixSettings) -> Ask | None:
        """Return what a mix asks; None if it does not set the number of its tasks."""
        coverage = mix.coverage
        tasks = coverage.task_count if coverage else None
        if coverage is None or tasks is None:
            return None
        if isinstance(coverage.per_task, int):
            return cls(tasks, coverage.per_task)
        return cls(
            tasks, -(-int(mix.size) // tasks) if coverage.per_task == "fill" and isinstance(mix.size, int) else 1
        )


def draw_tasks(
    asks: Mapping[str, Ask], supply: pl.DataFrame, *, families: Coverage | None = None
) -> dict[str, list[str]]:
    """Return the tasks of each mix, in the order in which they are drawn; the smaller mixes are nested in the larger.

    `supply` has a row per task, in the drawn order: `task_id`, `family`, and `traces`, the number that it can supply.
    The mix with the fewest tasks is drawn first. It asks the most of each, so its tasks also supply the larger mixes.

    Raises ShortfallError if there are too few tasks that can supply what is asked.
    """
    drawn: list[str] = []
    tasks: dict[str, list[str]] = {}
    for name, ask in sorted(asks.items(), key=lambda item: (item[1].tasks, item[0])):
        able = supply.filter((pl.col("traces") >= ask.per_task) & ~pl.col("task_id").is_in(drawn))
        if families is not None and families.families is not None and families.tasks_per_family is not None:
            drawn = _by_family(name, able, families.families, families.tasks_per_family, ask.per_task)
        else:
            more = able["task_id"].head(ask.tasks - len(drawn)).to_list()
            if len(drawn) + len(more) < ask.tasks:
                raise ShortfallError(_too_few(name, ask, supply))
            drawn = drawn + more
        tasks[name] = drawn
    return tasks


def _by_family(name: str, able: pl.DataFrame, families: int, per_family: int, per_task: int) -> list[str]:
    """Draw families, in the order of their first tasks, and tasks within them."""
    counted = able.drop_nulls("family").group_by("family", maintain_order=True).agg("task_id")
    wide = counted.filter(pl.col("task_id").list.len() >= per_family).head(families)
    if wide.height < families:
        raise ShortfallError(
            f"the mix `{name}` asks for {families:,} families with {per_family:,} tasks that have {per_task:,} "
            f"{'trace' if per_task == 1 else 'traces'} each; {wide.height:,} of {counted.height:,} families have them; "
            "generate more tasks or samples, or lower balance.coverage"
        )
    return wide["task_id"].list.head(per_family).explode().to_list()


def _too_few(name: str, ask: Ask, supply: pl.DataFrame) -> str:
    able = int((supply["traces"] >= ask.per_task).sum())
    most = int(supply["traces"].max() or 0)  # type: ignore[arg-type]
    return (
        f"the mix `{name}` asks for {ask.tasks:,} {'task' if ask.tasks == 1 else 'tasks'} with {ask.per_task:,} "
        f"{'trace' if ask.per_task == 1 else 'traces'} each; {able:,} of {supply.height:,} tasks have them, and no "
        f"task has more than {most:,}; generate more tasks or samples, or lower balance.coverage"
    )


def short_tasks(ask: Ask, supply: pl.DataFrame, coverage: Coverage | None) -> dict[str, int]:
    """Return the traces that tasks lack if too few can supply what is asked, for the tasks that lack the fewest.

    `supply` is that of `draw_tasks`, including tasks that can supply none, with `generated`, the number of all their
    traces: of tasks that lack equally many, those that were tried less often come first.
    """
    tasks = supply.with_columns(missing=(ask.per_task - pl.col("traces")).clip(lower_bound=0))
    if coverage is not None and coverage.families is not None and coverage.tasks_per_family is not None:
        nearest = (
            tasks.drop_nulls("family")
            .sort("missing", "generated", maintain_order=True)
            .group_by("family", maintain_order=True)
            .head(coverage.tasks_per_family)
        )
        families = (
            nearest.group_by("family", maintain_order=True)
            .agg(pl.len(), pl.col("missing").sum())
            .filter(pl.col("len") == coverage.tasks_per_family)
            .sort("missing", maintain_order=True)
            .head(coverage.families)
        )
        chosen = nearest.join(families.select("family"), on="family", how="semi", maintain_order="left")
    else:
        chosen = tasks.sort("missing", "generated", maintain_order=True).head(ask.tasks)
    return dict(chosen.filter(pl.col("missing") > 0).select("task_id", "missing").iter_rows())


def room_by_fill(size: int, tasks: Sequence[str]) -> dict[str, int]:
    """Divide a size over tasks, to within one: those drawn first get one more."""
    each, more = divmod(size, max(1, len(tasks)))
    return {task: each + (place < more) for place, task in enumerate(tasks)}


def evened_out(axis: Axis | None, candidates: pl.DataFrame, effective: float, size: int | None) -> Axis:
    """Return the axis `family` with the shares nearest the natural ones that reach an effective number of families.

    If `size` is known, they reach it in whole traces too.

    Raises ShortfallError if there are fewer families.
    """
    counts = dict(candidates["family"].drop_nulls().value_counts().sort("family").iter_rows())
    values = [value for value in (axis.values if axis else sorted(counts)) if counts.get(value)]
    if len(values) < effective - 1e-9:
        raise ShortfallError(
            f"an effective number of {effective:g} families needs at least as many; the traces that can be in the mix "
            f"have {len(values):,}"
        )
    available = np.array([counts[value] for value in values], dtype=np.int64)
    for aim in np.linspace(effective, len(values), _AIMS):
        even = Axis("family", tuple(values), tuple(tempered(available.tolist(), float(aim)).tolist()))
        if size is None or effective_number(even.targets(size, available) / size) >= effective - 1e-9:
            break
    return even


def effective_families(selected: pl.DataFrame) -> float:
    """Return the effective number of families of a mix; a trace without a family counts as one more of them."""
    return effective_number(selected["family"].value_counts()["count"])


def room_by_cluster(cap: int, clusters: pl.DataFrame) -> Counts:
    """Divide the cap of each cluster over its tasks, one trace each in turn, as far as each can supply more.

    `clusters` has a row per task, in the order of the tasks: `cluster` and `traces`. A cluster never exceeds its cap,
    whichever traces are taken; room that one task leaves is not passed on to another.
    """
    room = np.zeros(clusters.height, dtype=np.int64)
    supply = clusters["traces"].to_numpy()
    members = clusters.with_row_index("place").group_by("cluster", maintain_order=True).agg("place")
    for places in members["place"].to_list():
        left = cap
        while left:
            able = [place for place in places if room[place] < supply[place]][:left]
            if not able:
                break
            room[able] += 1
            left -= len(able)
    return room
