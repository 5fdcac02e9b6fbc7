"""Pairs of a right and a wrong trace that differ in little else: what preference training compares."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from infogap.run import Run
from infogap.schema import MEASURES, MIX, TASKS, TRACES, VERDICTS

# Traces that nothing speaks against but the number of traces that the mix takes, or their verdict's share in it.
_USABLE = ("selected", "over_quota", "max_per_task", "not_in_mix")


@dataclass(frozen=True)
class Pair:
    """Two traces by their ids, and how far their epistemic densities are apart."""

    chosen: str
    rejected: str
    apart: float


def pairs(run: Run) -> list[Pair]:
    """Correct traces, each with a wrong one of the same task, privilege and teacher, by the id of the correct one.

    Within such a cell pairs are those whose epistemic densities are closest, in sum: where what is chosen were the
    surer of the two each time, preference training would unlearn doubt as much as errors. Every trace is in one
    pair at most, and a task in as many as the mix takes traces of one (`max_per_task`), the closest first. Traces are
    those that the mix could take, but for their verdict.
    """
    found: list[Pair] = []
    most = run.recipe.balance.max_per_task
    for (_,), task in _usable(run).group_by(["task_id"], maintain_order=True):
        cells = task.group_by(["privilege", "teacher"], maintain_order=True)
        of_task = sorted(
            (pair for _, cell in cells for pair in _of_cell(cell)), key=lambda pair: (pair.apart, pair.chosen)
        )
        found += of_task[:most]
    return sorted(found, key=lambda pair: pair.chosen)


def _usable(run: Run) -> pl.DataFrame:
    """Correct and wrong traces in cells that have both."""
    traces = (
        run.scan(TRACES)
        .select("trace_id", "task_id", "privilege", "teacher")
        .join(run.scan(MIX).filter(pl.col("reason").is_in(_USABLE)).select("trace_id"), on="trace_id", how="semi")
        .join(run.scan(VERDICTS).select("trace_id", "verdict"), on="trace_id")
        .join(
            run.scan(MEASURES).select("trace_id", "band", density=pl.col("epistemic_density").fill_null(0.0)),
            on="trace_id",
        )
        .join(run.scan(TASKS).select("task_id", "family"), on="task_id")
        .filter(pl.col("verdict").is_in(["correct", "wrong"]))
    )
    for axis, shares in run.recipe.balance.axes.items():
        if axis != "verdict" and isinstance(shares, dict):
            traces = traces.filter(pl.col(axis).is_in([value for value, share in shares.items() if share > 0]))
    both = pl.col("verdict").n_unique().over("task_id", "privilege", "teacher") == 2
    return traces.filter(both).sort("task_id", "privilege", "teacher", "trace_id").collect()


def _of_cell(cell: pl.DataFrame) -> Iterator[Pair]:
    from scipy.optimize import linear_sum_assignment

    right, wrong = (
        cell.filter(verdict=verdict).select("trace_id", pl.col("density").fill_null(0.0))
        for verdict in ("correct", "wrong")
    )
    apart = np.abs(right["density"].to_numpy()[:, None] - wrong["density"].to_numpy()[None, :])
    for one, other in zip(*linear_sum_assignment(apart), strict=True):
        yield Pair(right["trace_id"][int(one)], wrong["trace_id"][int(other)], float(apart[one, other]))
