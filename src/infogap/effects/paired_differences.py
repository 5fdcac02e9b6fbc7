"""Paired differences between two privileges on the same tasks, with bootstrap intervals over tasks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from infogap.effects.bootstrap_intervals import FEWEST_TASKS, mean_intervals
from infogap.effects.compared_traces import Quantity
from infogap.effects.task_estimates import Estimate, bootstrap_seed, over_same_tasks

Pair = tuple[str, str]
"""A privilege, and the one it is compared with."""


@dataclass(frozen=True)
class Difference(Estimate):
    """The mean over tasks of (mean over a task's traces under `privilege`, minus the same under `against`).

    `tasks` have both, and `differing` of them a difference other than 0. `low` and `high` bound the 95 % interval of
    the mean; they are None if too few tasks have both, or too few of them differ.
    """

    privilege: str
    against: str

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON-able values: those of an estimate, `privilege`, `against` and `excludes_zero`."""
        compared = {"privilege": self.privilege, "against": self.against}
        return compared | super().as_json() | {"excludes_zero": self.excludes_zero}


def task_means(samples: pl.DataFrame, of: list[Quantity]) -> pl.DataFrame:
    """Return, per task and privilege, the mean of each quantity over the traces that have it; null if none has."""
    return (
        samples.group_by("task_id", "privilege", maintain_order=True)
        .agg(pl.col(quantity.column).mean() for quantity in of)
        .sort("task_id", "privilege")
    )


def paired_differences(means: pl.DataFrame, pairs: list[Pair], of: list[Quantity], seed: int) -> list[Difference]:
    """Return every pair's differences, in the order of `pairs` and then of `of`; pairs without common tasks have none.

    `means` is from `task_means`. Resamples follow from `seed` and the ids of the compared tasks: they are the same for
    all pairs and quantities over the same tasks, whatever else is compared.
    """
    by_privilege = {str(name): rows for (name,), rows in means.partition_by("privilege", as_dict=True).items()}
    values = {(pair, quantity): _differences(by_privilege, pair, quantity) for pair in pairs for quantity in of}
    differences = {}
    for tasks, keys in over_same_tasks(values):
        columns = np.column_stack([values[key]["difference"].to_numpy() for key in keys])
        bounds: list[tuple[float | None, float | None]] = [(None, None)] * len(keys)
        if len(tasks) >= FEWEST_TASKS:
            bounds = [(float(low), float(high)) for low, high in mean_intervals(columns, bootstrap_seed(seed, tasks))]
        for place, key in enumerate(keys):
            differing = int(np.count_nonzero(columns[:, place]))
            # As few values other than 0 have the same sign by chance too often, however many tasks do not differ.
            low, high = (None, None) if 0 < differing < FEWEST_TASKS else bounds[place]
            (privilege, against), quantity = key
            mean = float(np.mean(columns[:, place]))
            differences[key] = Difference(quantity, len(tasks), differing, mean, low, high, privilege, against)
    return [differences[pair, quantity] for pair in pairs for quantity in of if (pair, quantity) in differences]


def _differences(by_privilege: dict[str, pl.DataFrame], pair: Pair, quantity: Quantity) -> pl.DataFrame:
    """Return `task_id` and `difference` of the tasks that have the quantity under both privileges, by task_id."""
    sides = [
        by_privilege[name].select("task_id", value=pl.col(quantity.column).cast(pl.Float64)).drop_nulls()
        if name in by_privilege
        else pl.DataFrame(schema={"task_id": pl.String, "value": pl.Float64})
        for name in pair
    ]
    joined = sides[0].join(sides[1], on="task_id", suffix="_against")
    return joined.select("task_id", difference=pl.col("value") - pl.col("value_against")).sort("task_id")
