"""Which traces: the counts of the cells, spread over the tasks as evenly as can be."""

from __future__ import annotations

import polars as pl

from infogap.balance.axes import Counts
from infogap.balance.strata import Strata
from infogap.balance.task_flow import spread


def pick(strata: Strata, counts: Counts) -> pl.DataFrame:
    """Every candidate's trace_id and the decision on it: selected, or why not.

    Of the traces that a task has in one cell, those are taken that the seed draws first.
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
