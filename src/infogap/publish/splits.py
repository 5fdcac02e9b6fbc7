"""Assign tasks to splits in the same way for all configs, and check that no two splits share a task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import polars as pl

from infogap import ids
from infogap.balance.mix_pool import held_out_families
from infogap.dedupe.question_clusters import question_clusters
from infogap.errors import InputError, ShortfallError
from infogap.publish.parquet_shards import Written
from infogap.recipe.balance_section import HoldOut
from infogap.recipe.publish_section import OF_HELD_OUT
from infogap.runs.run_folder import Run
from infogap.schema import DERIVATIONS, MIX, SHOWN_NOTES, TASKS, TRACES

_NO_MIX = 1 << 30  # the stratum of tasks that are in no mix


@dataclass(frozen=True)
class SplitCount:
    """One split: its share in the recipe (None for held-out families), and its numbers of tasks and clusters."""

    share: float | None
    tasks: int
    clusters: int


@dataclass(frozen=True)
class SplitPlan:
    """The split of every task with traces. `tasks` has `task_id`, `cluster` and `split`, sorted by `task_id`."""

    names: tuple[str, ...]  # in the recipe's order
    tasks: pl.DataFrame
    counts: dict[str, SplitCount]
    notes: list[str]


def plan_splits(run: Run) -> SplitPlan | None:
    """Assign each task with traces to a split; return None if the recipe names no splits.

    Tasks with near-duplicate questions form a cluster and share a split. Tasks of held-out families are assigned first,
    with their clusters. The rest are ordered by a hash of seed and task, and each split except the largest takes the
    first that fit its share, so that few tasks change split when a run grows; none of these takes a task that lessons
    were drawn from, as contexts of other tasks show them. Shares are met for the tasks of the mixes first (for each
    of several nested mixes), then for all tasks.

    Raises InputError if a held-out family does not exist, ShortfallError if a split would have no task.
    """
    asked = run.recipe.publish.splits
    if asked is None:
        return None
    tasks, cut = _clustered(run)
    of_families, crossing = _held_out(run, tasks)
    shares = {name: each for name, each in asked.items() if isinstance(each, float)}
    of_lessons = _lesson_clusters(run, tasks)
    split_of = _by_shares(_units(tasks, of_families), shares, of_families, of_lessons)
    placed = tasks.with_columns(split=pl.col("cluster").replace_strict(split_of, return_dtype=pl.String))
    counts = {name: _count(placed.filter(pl.col("split") == name), shares.get(name)) for name in asked}
    for name, count in counts.items():
        if not count.tasks:
            raise _empty(name, shares.get(name), placed, len(of_lessons))
    notes = [*_off_target(counts, placed), *_crossing_notes(crossing)]
    if cut:
        notes.append(
            f"splits: {cut:,} searches for near-duplicate questions were abandoned in very large buckets; "
            "some near-duplicates may be in different splits"
        )
    notes += _inserting_notes(run)
    kept = placed.select("task_id", "cluster", "split").sort("task_id")
    return SplitPlan(tuple(asked), kept, counts, notes)


def _clustered(run: Run) -> tuple[pl.DataFrame, int]:
    """Return the tasks with traces, and the number of abandoned searches for near-duplicates.

    Columns: `task_id`, `family`, `cluster` (the id of its first task), `stratum`, and `drawn`, which sets the order.
    The stratum counts the mixes that lack the task: with nested mixes, tasks of the smallest mix come first.
    """
    traces = run.scan(TRACES).select("trace_id", "task_id")
    selected = run.scan(MIX).filter("selected").select("trace_id", "mix")
    mixes = selected.join(traces, on="trace_id").group_by("task_id").agg(mixes=pl.col("mix").n_unique())
    tasks = (
        run.scan(TASKS)
        .select("task_id", "family", "question")
        .join(traces, on="task_id", how="semi")
        .join(mixes, on="task_id", how="left")
        .collect()
        .sort("task_id")
    )
    found = question_clusters(tasks["question"].to_list())
    drawn = [ids.digest((run.recipe.seed, "split", task_id)) for task_id in tasks["task_id"]]
    several = len(list(run.recipe.balance.named_mixes()))
    stratum = pl.when(pl.col("mixes").is_null()).then(_NO_MIX).otherwise(several - pl.col("mixes").cast(pl.Int64))
    clustered = tasks.drop("question").with_columns(
        stratum.alias("stratum"),
        cluster=tasks["task_id"].gather(found.first),
        drawn=pl.Series(drawn, dtype=pl.String),
    )
    return clustered.drop("mixes"), found.cut


def _held_out(run: Run, tasks: pl.DataFrame) -> tuple[dict[str, str], dict[str, int]]:
    """Return the split of each cluster with a held-out task, and how many tasks of other families each split gets."""
    asked = run.recipe.publish.splits or {}
    wanted: list[tuple[str, HoldOut, str]] = []
    of_mixes = run.recipe.balance.hold_out
    if of_mixes is not None:
        wanted += [(name, of_mixes, "balance.hold_out") for name, each in asked.items() if each == OF_HELD_OUT]
    wanted += [(name, each, f"publish.splits.{name}") for name, each in asked.items() if isinstance(each, HoldOut)]
    families: dict[str, str] = {}
    for name, hold_out, place in wanted:
        left = tasks.filter(~pl.col("family").is_in(list(families)))["family"]
        families |= dict.fromkeys(held_out_families(left, hold_out, run.recipe.seed, place), name)
    split_of: dict[str, str] = {}
    for family, name in families.items():
        for cluster in tasks.filter(pl.col("family") == family)["cluster"].unique().sort():
            split_of.setdefault(cluster, name)
    others = tasks.filter(pl.col("cluster").is_in(list(split_of)) & ~pl.col("family").is_in(list(families)))
    crossing = others.with_columns(split=pl.col("cluster").replace_strict(split_of, return_dtype=pl.String))
    return split_of, dict(crossing.group_by("split").len().sort("split").iter_rows())


@dataclass(frozen=True)
class _Unit:
    """A cluster, which is placed as a whole: its number of tasks in each stratum."""

    cluster: str
    drawn: str
    tasks: Mapping[int, int]

    @property
    def stratum(self) -> int:
        return min(self.tasks)

    def up_to(self, stratum: int) -> int:
        return sum(count for each, count in self.tasks.items() if each <= stratum)


def _units(tasks: pl.DataFrame, elsewhere: Mapping[str, str]) -> list[_Unit]:
    """Return the clusters that are not placed yet, in the order of the smallest `drawn` of their tasks."""
    free = tasks.filter(~pl.col("cluster").is_in(list(elsewhere)))
    strata: dict[str, dict[int, int]] = {}
    for cluster, stratum, count in free.group_by("cluster", "stratum").len().iter_rows():
        strata.setdefault(cluster, {})[stratum] = count
    drawn = dict(free.group_by("cluster").agg(pl.col("drawn").min()).iter_rows())
    return sorted((_Unit(each, drawn[each], strata[each]) for each in strata), key=lambda unit: unit.drawn)


def _lesson_clusters(run: Run, tasks: pl.DataFrame) -> frozenset[str]:
    """Return the clusters of the tasks whose attempts became lessons that contexts of the run show."""
    drawn_from = run.scan(SHOWN_NOTES).filter(pl.col("kind") == "lesson").select("task_id").unique().collect()
    return frozenset(tasks.join(drawn_from, on="task_id", how="semi")["cluster"])


def _by_shares(
    units: list[_Unit],
    shares: Mapping[str, float],
    split_of: dict[str, str],
    in_largest: frozenset[str] = frozenset(),
) -> dict[str, str]:
    """Return the split of every cluster: those in `split_of`, and the units, placed by shares of their tasks.

    Units of the clusters `in_largest` are placed in the largest split.
    """
    largest = max(shares, key=lambda name: shares[name])
    taken = dict(split_of)
    inside: dict[str, list[_Unit]] = {name: [] for name in shares}
    for stratum in sorted({each for unit in units for each in unit.tasks}):
        total = sum(unit.up_to(stratum) for unit in units)
        targets = _rounded(shares, total)
        free = [unit for unit in units if unit.stratum == stratum]
        # The last split takes first: when a border moves as a run grows, its neighbour is not the largest split.
        for name in reversed(list(shares)):
            if name == largest:
                continue
            need = targets[name] - sum(unit.up_to(stratum) for unit in inside[name])
            chosen = _fitting([unit for unit in free if unit.cluster not in in_largest], need, stratum)
            inside[name] += chosen.values()
            free = [unit for unit in free if unit.cluster not in chosen]
        inside[largest] += free
    return taken | {unit.cluster: name for name, placed in inside.items() for unit in placed}


def _fitting(free: list[_Unit], need: int, stratum: int) -> dict[str, _Unit]:
    """Return the first units that fit, plus one that exceeds `need` if that comes closer than stopping short."""
    chosen: dict[str, _Unit] = {}
    for unit in free:
        if need <= 0:
            break
        if (size := unit.up_to(stratum)) <= need:
            chosen[unit.cluster] = unit
            need -= size
    if need > 0:
        others = [unit for unit in free if unit.cluster not in chosen]
        nearest = min(others, key=lambda unit: unit.up_to(stratum), default=None)
        if nearest is not None and nearest.up_to(stratum) - need < need:
            chosen[nearest.cluster] = nearest
    return chosen


def _rounded(shares: Mapping[str, float], total: int) -> dict[str, int]:
    """Round shares of a total to whole numbers that add up to it, by largest remainder; earlier splits win ties."""
    exact = {name: Fraction(str(share)) * total for name, share in shares.items()}
    whole = {name: int(value) for name, value in exact.items()}
    order = sorted(shares, key=lambda name: exact[name] - whole[name], reverse=True)
    for name in order[: total - sum(whole.values())]:
        whole[name] += 1
    return whole


def _count(tasks: pl.DataFrame, share: float | None) -> SplitCount:
    return SplitCount(share, tasks.height, tasks["cluster"].n_unique())


def _empty(name: str, share: float | None, placed: pl.DataFrame, of_lessons: int) -> ShortfallError:
    largest = int(placed["cluster"].value_counts()["count"].max() or 0)  # type: ignore[arg-type]
    asked = f"{share:.3g} of {placed.height:,} tasks" if share is not None else "its families"
    alike = f"; {largest:,} of them have near-duplicate questions and share a split" * (largest > 1)
    alike += f"; {of_lessons:,} gave lessons, which contexts show, and stay in the largest split" * (of_lessons > 0)
    more = ", or lower the `pool` of `lessons`" if of_lessons else ""
    return ShortfallError(
        f"publish.splits: `{name}` would have no task ({asked}{alike}); give it a larger share, or add tasks{more}"
    )


def _off_target(counts: Mapping[str, SplitCount], placed: pl.DataFrame) -> list[str]:
    """Return a note on the achieved shares if clusters kept any from being met to within one task."""
    free = sum(count.tasks for count in counts.values() if count.share is not None)
    off = [
        f"`{name}` has {count.tasks / free:.1%} of the tasks instead of {count.share:.1%}"
        for name, count in counts.items()
        if count.share is not None and abs(count.tasks - count.share * free) > 1
    ]
    largest = placed["cluster"].value_counts().sort("count", "cluster", descending=[True, False]).row(0)
    why = f"; the largest cluster of near-duplicate questions has {largest[1]:,} tasks (the first is {largest[0]})"
    return [f"splits: {', '.join(off)}{why if largest[1] > 1 else ''}"] if off else []


def _inserting_notes(run: Run) -> list[str]:
    """Return a note on traces with steps of other tasks, which may be in another split: which ones is not stored."""
    names = [entry.name for entry in run.recipe.derive or [] if entry.insert_steps]
    mixed = run.scan(MIX).filter("selected").select("trace_id").unique()
    inserted = run.scan(DERIVATIONS).filter(pl.col("derived").is_in(names)).join(mixed, on="trace_id", how="semi")
    count = inserted.select(pl.len()).collect().item() if names else 0
    return [
        f"splits: {count:,} traces of the mix, of {' and '.join(names)}, hold steps of other tasks, which may be of "
        "another split: train on none of them if you evaluate on the others"
    ] * (count > 0)


def _crossing_notes(crossing: Mapping[str, int]) -> list[str]:
    return [
        f"splits: {count:,} {'task of another family is' if count == 1 else 'tasks of other families are'} in "
        f"`{name}`: their questions are near-duplicates of held-out ones"
        for name, count in crossing.items()
    ]


def split_notes(plan: SplitPlan, written: list[Written]) -> list[str]:
    """Return the plan's notes, plus one for each config that has no rows in some split."""
    lacking = [(each.config.name, [name for name in plan.names if name not in each.splits]) for each in written]
    return plan.notes + [
        f"splits: the config `{config}` has no rows in {' and '.join(f'`{name}`' for name in names)}"
        for config, names in lacking
        if names
    ]


def check_splits(plan: SplitPlan, written: list[Written], folder: Path) -> None:
    """Read back the written files, and check that no task and no cluster of questions is in more than one split.

    Raises InputError, naming the task, the configs and the splits, if one is.
    """
    known = plan.tasks.lazy().select("task_id", "cluster")
    seen = [
        pl.scan_parquet([folder / shard.path for shard in shards])
        .select(task_id=config.config.task)
        .unique()
        .with_columns(split=pl.lit(split), config=pl.lit(config.config.name))
        for config in written
        for split, shards in config.splits.items()
    ]
    rows = pl.concat(seen).join(known, on="task_id", how="left").collect().sort("task_id", "config", "split")
    for column, what in (("task_id", "task"), ("cluster", "cluster of near-duplicate questions")):
        shared = rows.filter(pl.col("split").n_unique().over(column) > 1).sort(column)
        if shared.height:
            first = shared.filter(pl.col(column) == shared[column][0])
            where = ", ".join(sorted({f"`{row['split']}` of `{row['config']}`" for row in first.to_dicts()}))
            raise InputError(f"publish.splits: the {what} {first[column][0]} is in more than one split: {where}")
