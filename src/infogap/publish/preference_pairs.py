"""Pairs of a right and a wrong trace that differ in little else: what preference training compares."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray

from infogap.balance.exclusion_reasons import NOT_ASKED_FOR
from infogap.runs.run_folder import Run
from infogap.schema import MEASURES, MIX, TASKS, TRACES, VERDICTS

# Traces that nothing speaks against but the number of traces that the mix takes, or their verdict's share in it.
_USABLE = ("selected", "over_quota", "max_per_task", "not_in_mix", *NOT_ASKED_FOR)
_CELL = ("task_id", "privilege", "teacher")


def pairs(run: Run) -> pl.DataFrame:
    """Correct traces, each with a wrong one of the same task, privilege and teacher, by the id of the correct one.

    Columns: `chosen` and `rejected` (trace ids), and how far `apart` their epistemic densities are. Within a cell pairs
    are those whose densities are closest in sum: where what is chosen were the surer of the two each time, preference
    training would unlearn doubt as much as errors. Every trace is in one pair at most, and a task in as many as the mix
    takes traces of one (`max_per_task`), the closest first. Traces are those that the mix could take, but for their
    verdict.
    """
    traces = _usable(run)
    found = np.array(list(_matched(traces)), np.int64).reshape(-1, 2)
    chosen, rejected = (traces[found[:, side]] for side in (0, 1))
    table = pl.DataFrame(
        {
            "task_id": chosen["task_id"],
            "chosen": chosen["trace_id"],
            "rejected": rejected["trace_id"],
            "apart": (chosen["density"] - rejected["density"]).abs(),
        }
    )
    most = run.recipe.balance.max_per_task
    if most is not None:
        of_task = pl.col("chosen").cum_count().over("task_id")
        table = table.sort("task_id", "apart", "chosen").filter(of_task <= most)
    return table.drop("task_id").sort("chosen")


def _usable(run: Run) -> pl.DataFrame:
    """Correct and wrong traces in cells that have both, cell by cell."""
    usable = run.scan(MIX).filter(pl.col("reason").is_in(_USABLE)).select("trace_id")
    measures = run.scan(MEASURES).select("trace_id", "band", density=pl.col("epistemic_density").fill_null(0.0))
    traces = (
        run.scan(TRACES)
        .select("trace_id", *_CELL)
        .join(usable, on="trace_id", how="semi")
        .join(run.scan(VERDICTS).select("trace_id", "verdict"), on="trace_id")
        .join(measures, on="trace_id")
        .join(run.scan(TASKS).select("task_id", "family"), on="task_id")
        .filter(pl.col("verdict").is_in(["correct", "wrong"]))
    )
    for axis, shares in run.recipe.balance.axes.items():
        if axis != "verdict" and isinstance(shares, dict):
            traces = traces.filter(pl.col(axis).is_in([value for value, share in shares.items() if share > 0]))
    both = pl.col("verdict").n_unique().over(_CELL) == 2
    return traces.filter(both).sort(*_CELL, "trace_id").collect()


def _matched(traces: pl.DataFrame) -> Iterator[tuple[int, int]]:
    """Rows of a correct and a wrong trace, cell by cell: the assignment of least cost (Kuhn 1955)."""
    from scipy.optimize import linear_sum_assignment

    density, right = traces["density"].to_numpy(), (traces["verdict"] == "correct").to_numpy()
    cells = traces.select(pl.struct(_CELL).rle_id()).to_series().to_numpy()
    ends = [0, *(np.flatnonzero(np.diff(cells)) + 1).tolist(), len(cells)]
    for start, end in pairwise(ends):
        one: NDArray[np.int64] = start + np.flatnonzero(right[start:end])
        other: NDArray[np.int64] = start + np.flatnonzero(~right[start:end])
        rows, columns = linear_sum_assignment(np.abs(density[one][:, None] - density[other][None, :]))
        yield from zip(one[rows].tolist(), other[columns].tolist(), strict=True)
