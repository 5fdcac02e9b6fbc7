"""Means over tasks of one quantity, and ratios of two such means, with bootstrap intervals over tasks."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from infogap.effects.compared_traces import Quantity
from infogap.ids import derived_seed

LEVEL = 0.95
RESAMPLES = 10_000
# A percentile of resampled means stays within the range of the data, so it excludes 0 if all differences have one sign.
# With five tasks that happens by chance once in 16 times, so five tasks give no 95 % interval.
FEWEST_TASKS = 6
RSR = Quantity("rsr")
_DRAWS_AT_A_TIME = 2**20  # 8 MB of counts
_WORTH_COMPILED = 2_000  # tasks; with fewer, the import of numba takes longer than it saves
_DECIMALS = 9  # the rounding errors of differences that cancel out are not an effect

Key = TypeVar("Key", bound=Hashable)
Floats = NDArray[np.float64]


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


def over_same_tasks(rows: Mapping[Key, pl.DataFrame]) -> Iterator[tuple[list[str], list[Key]]]:
    """Yield sets of tasks, and the keys whose rows (sorted, with `task_id`) are over exactly these tasks.

    Keys without rows are left out.
    """
    keys_by_tasks = defaultdict[tuple[str, ...], list[Key]](list)
    for key, own in rows.items():
        keys_by_tasks[tuple(own["task_id"])].append(key)
    for tasks, keys in keys_by_tasks.items():
        if tasks:
            yield list(tasks), keys


def bootstrap_seed(seed: int, tasks: list[str]) -> int:
    """Derive the seed of the resamples from the recipe's seed and the ids of the tasks."""
    return derived_seed(seed, "bootstrap", tasks)


def mean_intervals(values: Floats, seed: int) -> Floats:
    """Return a bootstrap interval of each column's mean: two columns, low and high, and a row per column of `values`.

    `values` has a row per task and no missing values; a task is drawn with all its columns. The same seed and number of
    tasks give the same resamples. Raises ValueError if there are fewer than FEWEST_TASKS tasks.

    The interval is the expanded percentile interval (Hesterberg 2015, "What Teachers Should Know About the Bootstrap",
    The American Statistician 69(4), also arXiv 1411.5279). The plain percentile interval is too narrow with few tasks,
    by the factor sqrt((n-1)/n) and by its normal instead of Student quantiles. Moving the percentiles outward by as
    much brings the error rate with ten tasks from near 10 % to near 5 %; with many tasks both intervals agree.
    """
    return _percentiles(_resampled_means(values, seed), tasks=len(values))


def ratio_intervals(values: Floats, weights: Floats, seed: int) -> Floats:
    """Return, as `mean_intervals` does, an interval of each column's sum of `values` over its sum of `weights`.

    Both have a row per task. With weights of 1 these are the intervals of means. Raises ValueError as `mean_intervals`.
    """
    tasks, columns = values.shape
    if (weights == 1).all():
        return mean_intervals(values, seed)
    means = _resampled_means(np.hstack([values, weights]), seed)
    return _percentiles(means[:, :columns] / means[:, columns:], tasks)


def _resampled_means(values: Floats, seed: int) -> Floats:
    """Return the columns' means, a row per resample. Raises ValueError if there are fewer than FEWEST_TASKS tasks."""
    tasks = len(values)
    if tasks < FEWEST_TASKS:
        raise ValueError(f"{tasks} tasks are too few for an interval; it takes {FEWEST_TASKS}")
    random = np.random.default_rng(seed)
    at_a_time = max(1, _DRAWS_AT_A_TIME // tasks)
    means = []
    for start in range(0, RESAMPLES, at_a_time):
        resamples = min(at_a_time, RESAMPLES - start)
        drawn = random.integers(0, tasks, size=(resamples, tasks), dtype=np.int32)
        # How often each task was drawn into each resample: the sums of all columns are then one matrix product.
        means.append(_counted(drawn) @ values / tasks)
    return np.concatenate(means)


def _counted(drawn: NDArray[np.int32]) -> Floats:
    """Return how often each number, below the length of the rows, is in each row."""
    resamples, tasks = drawn.shape
    if tasks >= _WORTH_COMPILED:
        from infogap.effects.draw_counts import count_draws

        counts = np.zeros((resamples, tasks))
        count_draws(drawn, counts)
        return counts
    apart = drawn + (np.arange(resamples, dtype=np.int32) * tasks)[:, None]
    return np.bincount(apart.ravel(), minlength=resamples * tasks).reshape(resamples, tasks).astype(np.float64)


def _percentiles(resampled: Floats, tasks: int) -> Floats:
    """Return low and high of each column of resampled values: its expanded percentiles."""
    tail = _tail_probability(tasks)
    bounds = np.quantile(resampled, [tail, 1 - tail], axis=0).T
    return np.round(bounds, _DECIMALS) + 0.0  # never -0.0


def _tail_probability(tasks: int) -> float:
    """Return the tail probability for a sample of `tasks` tasks: at most (1 - LEVEL) / 2."""
    from scipy.special import ndtr, stdtrit

    quantile = stdtrit(tasks - 1, (1 - LEVEL) / 2)
    return float(ndtr(math.sqrt(tasks / (tasks - 1)) * quantile))
