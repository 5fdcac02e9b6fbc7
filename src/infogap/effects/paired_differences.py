"""Differences between two privileges on the same tasks."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import polars as pl

from infogap.effects.bootstrap import FEWEST_TASKS, mean_intervals
from infogap.effects.effect_metrics import Quantity
from infogap.ids import derived_seed

Pair = tuple[str, str]
"""Privilege, and the one that it is compared with."""


@dataclass(frozen=True)
class Difference:
    """Mean over tasks of (mean over a task's traces under `privilege`, minus the same under `against`).

    `tasks` have both, `differing` of them with a difference other than 0. `low` and `high` bound the 95 % interval of
    the mean; None where too few tasks have both, or too few of them differ.
    """

    privilege: str
    against: str
    quantity: Quantity
    tasks: int
    differing: int
    mean: float
    low: float | None
    high: float | None

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval shows a difference at all."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


def task_means(samples: pl.DataFrame, of: list[Quantity]) -> pl.DataFrame:
    """Per task and privilege the mean of each quantity over the traces that have it; null where none has."""
    return (
        samples.group_by("task_id", "privilege", maintain_order=True)
        .agg(pl.col(quantity.column).mean() for quantity in of)
        .sort("task_id", "privilege")
    )


def paired_differences(means: pl.DataFrame, pairs: list[Pair], of: list[Quantity], seed: int) -> list[Difference]:
    """Every pair's differences, in the order of `pairs` and then of `of`; none where no task has both.

    `means` is what `task_means` gives. Resamples follow from `seed` and the ids of the tasks that are compared: they
    are the same for all pairs and quantities over the same tasks, and do not change with what else is compared.
    """
    by_privilege = {str(name): rows for (name,), rows in means.partition_by("privilege", as_dict=True).items()}
    values = {}
    for pair in pairs:
        for quantity in of:
            values[pair, quantity] = _differences(by_privilege, pair, quantity)
    over_same_tasks = defaultdict[tuple[str, ...], list[tuple[Pair, Quantity]]](list)
    for key, rows in values.items():
        over_same_tasks[tuple(rows["task_id"])].append(key)
    found = {}
    for tasks, keys in over_same_tasks.items():
        columns = np.column_stack([values[key]["difference"].to_numpy() for key in keys])
        bounds = _intervals(columns, derived_seed(seed, "bootstrap", list(tasks)))
        for place, key in enumerate(keys if tasks else ()):
            differing = int(np.count_nonzero(columns[:, place]))
            # As few values other than 0 have the same sign by chance too often, however many tasks do not differ.
            low, high = (None, None) if 0 < differing < FEWEST_TASKS else bounds[place]
            (privilege, against), quantity = key
            mean = float(np.mean(columns[:, place]))
            found[key] = Difference(privilege, against, quantity, len(tasks), differing, mean, low, high)
    return [found[pair, quantity] for pair in pairs for quantity in of if (pair, quantity) in found]


def _differences(by_privilege: dict[str, pl.DataFrame], pair: Pair, quantity: Quantity) -> pl.DataFrame:
    """`task_id` and `difference` of the tasks that have the quantity under both, by task_id."""
    sides = [
        by_privilege[name].select("task_id", value=pl.col(quantity.column).cast(pl.Float64)).drop_nulls()
        if name in by_privilege
        else pl.DataFrame(schema={"task_id": pl.String, "value": pl.Float64})
        for name in pair
    ]
    joined = sides[0].join(sides[1], on="task_id", suffix="_against")
    return joined.select("task_id", difference=pl.col("value") - pl.col("value_against")).sort("task_id")


def _intervals(columns: np.ndarray, seed: int) -> list[tuple[float | None, float | None]]:
    if len(columns) < FEWEST_TASKS:
        return [(None, None)] * columns.shape[1]
    return [(float(low), float(high)) for low, high in mean_intervals(columns, seed)]
