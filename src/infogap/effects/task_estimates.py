"""Means over tasks of one quantity, and ratios of two such means, with intervals over tasks."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

import numpy as np
import polars as pl

from infogap.effects.bootstrap_intervals import FEWEST_TASKS, ratio_intervals
from infogap.effects.compared_traces import Quantity
from infogap.ids import derived_seed

RSR = Quantity("rsr")

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True)
class Estimate:
    """The mean over `tasks`, which have equal weight, and its 95 % interval.

    `differing` tasks have another value than the most common one. `low` and `high` are None if fewer than FEWEST_TASKS
    tasks have a value, or fewer than that differ: resampling says nothing about values that are nearly all the same.
    """

    quantity: Quantity
    tasks: int
    differing: int
    mean: float
    low: float | None
    high: float | None

    @property
    def excludes_zero(self) -> bool:
        """True if the interval excludes 0; False if it holds 0, or there is none."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON-able values: `name`, `lexicon`, `tasks`, `differing`, `mean`, `low`, `high`."""
        return asdict(self.quantity) | self.numbers()

    def numbers(self) -> dict[str, Any]:
        """Return the numbers alone, by name."""
        return {name: getattr(self, name) for name in ("tasks", "differing", "mean", "low", "high")}


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
    ordered = {key: rows.sort("task_id") for key, (_, rows) in values.items()}
    by_key: dict[Key, Estimate] = {}
    for tasks, keys in over_same_tasks(ordered):
        columns, weights = (
            np.column_stack([ordered[key][name].to_numpy() for key in keys]) for name in ("value", "weight")
        )
        bounds: list[tuple[float | None, float | None]] = [(None, None)] * len(keys)
        if len(tasks) >= FEWEST_TASKS:
            intervals = ratio_intervals(columns, weights, bootstrap_seed(seed, tasks))
            bounds = [(float(low), float(high)) for low, high in intervals]
        for place, key in enumerate(keys):
            _, counts = np.unique(columns[:, place] / weights[:, place], return_counts=True)
            differing = len(tasks) - int(counts.max())
            low, high = bounds[place] if differing >= FEWEST_TASKS else (None, None)
            mean = float(columns[:, place].mean() / weights[:, place].mean())
            by_key[key] = Estimate(values[key][0], len(tasks), differing, mean, low, high)
    return {key: by_key[key] for key in values if key in by_key}


def over_same_tasks(rows: Mapping[Key, pl.DataFrame]) -> Iterator[tuple[pl.Series, list[Key]]]:
    """Yield sets of tasks, and the keys whose rows (sorted, with `task_id`) are over exactly these tasks.

    Keys without rows are left out.
    """
    groups: list[tuple[pl.Series, list[Key]]] = []
    for key, own in rows.items():
        tasks = own["task_id"]
        same = next((keys for others, keys in groups if others.equals(tasks)), None)
        if same is not None:
            same.append(key)
        elif len(tasks):
            groups.append((tasks, [key]))
    yield from groups


def bootstrap_seed(seed: int, tasks: pl.Series) -> int:
    """Derive the seed of the resamples from the recipe's seed and the ids of the tasks."""
    return derived_seed(seed, "bootstrap", tasks.to_list())
