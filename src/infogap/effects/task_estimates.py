"""Means over tasks of one quantity, and ratios of two such means, with bootstrap intervals over tasks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

import numpy as np
import polars as pl

from infogap.effects.compared_traces import Quantity
from infogap.effects.paired_differences import FEWEST_TASKS, ratio_intervals
from infogap.ids import derived_seed

Key = TypeVar("Key", bound=Hashable)
RSR = Quantity("rsr")


@dataclass(frozen=True)
class Estimate:
    """The mean over `tasks`, which count alike, and its 95 % interval.

    `differing` tasks have another value than the commonest one. `low` and `high` are None where fewer than FEWEST_TASKS
    tasks have a value, or fewer than that differ: resampling says nothing of values that are nearly all the same.
    """

    quantity: Quantity
    tasks: int
    differing: int
    mean: float
    low: float | None
    high: float | None

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON-able values: `name`, `lexicon`, `tasks`, `differing`, `mean`, `low`, `high`."""
        values = asdict(self)
        return {**values.pop("quantity"), **values}


def task_values(traces: pl.DataFrame, quantity: Quantity, *keys: str) -> pl.DataFrame:
    """Average a quantity over the traces of each task: `keys`, `value` and `weight`, where any trace has it.

    The Rank-Surprisal Ratio of several traces is mean rank over mean surprisal (arXiv 2601.14249, appendix A.8): its
    `value` is the mean clipped rank, its `weight` the mean surprisal. All other quantities have the weight 1.
    """
    known = traces.drop_nulls(quantity.column)
    value, weight = pl.col(quantity.column).cast(pl.Float64), pl.lit(1.0)
    if quantity == RSR:
        value, weight = value * pl.col("surprisal"), pl.col("surprisal")
    return known.group_by(keys).agg(value=value.mean(), weight=weight.mean()).sort(keys)


def estimates(values: Mapping[Key, tuple[Quantity, pl.DataFrame]], seed: int) -> dict[Key, Estimate]:
    """Estimate each key's mean, or ratio, from its quantity and a row per task: `task_id`, `value` and `weight`.

    Keys without a task have no estimate. Resamples follow from `seed` and the ids of the tasks, so that estimates over
    the same tasks use the same ones.
    """
    over_same_tasks = defaultdict[tuple[str, ...], list[Key]](list)
    ordered = {key: rows.sort("task_id") for key, (_, rows) in values.items()}
    for key, rows in ordered.items():
        over_same_tasks[tuple(rows["task_id"])].append(key)
    found: dict[Key, Estimate] = {}
    for tasks, keys in over_same_tasks.items():
        if not tasks:
            continue
        columns, weights = (
            np.column_stack([ordered[key][name].to_numpy() for key in keys]) for name in ("value", "weight")
        )
        bounds: list[tuple[float | None, float | None]] = [(None, None)] * len(keys)
        if len(tasks) >= FEWEST_TASKS:
            intervals = ratio_intervals(columns, weights, derived_seed(seed, "bootstrap", list(tasks)))
            bounds = [(float(low), float(high)) for low, high in intervals]
        for place, key in enumerate(keys):
            _, counts = np.unique(columns[:, place] / weights[:, place], return_counts=True)
            differing = len(tasks) - int(counts.max())
            low, high = bounds[place] if differing >= FEWEST_TASKS else (None, None)
            mean = float(columns[:, place].mean() / weights[:, place].mean())
            found[key] = Estimate(values[key][0], len(tasks), differing, mean, low, high)
    return {key: found[key] for key in values if key in found}
