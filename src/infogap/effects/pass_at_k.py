"""Compute how often tasks are solved: pass rates, and pass@k.

A trace is a sample if its verdict is `correct`, `wrong`, `no_answer` or `truncated`; the last three do not solve the
task. Failed requests and `ungradable` traces are not samples; they are left out, and counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray


def pass_at_k(n: NDArray[np.int64], c: NDArray[np.int64], k: int) -> NDArray[np.float64]:
    """Return 1 - C(n-c, k) / C(n, k): the probability of a correct one among k samples drawn from n, of which c are.

    The unbiased estimator of Chen et al. 2021 (arXiv 2107.03374), computed as a product of k factors, so that no
    binomial coefficient overflows. NaN for tasks with fewer than k samples.
    """
    n, c = np.asarray(n, dtype=np.int64), np.asarray(c, dtype=np.int64)
    all_wrong = np.ones(n.shape)
    with np.errstate(divide="ignore", invalid="ignore"):
        for drawn in range(k):
            all_wrong *= np.maximum(n - c - drawn, 0) / (n - drawn)
    return np.where(n >= k, 1 - all_wrong, np.nan)


def powers_of_two(most: int) -> list[int]:
    """Return 1, 2, 4, 8, ... up to `most`."""
    return [2**power for power in range(most.bit_length())] if most else []


@dataclass(frozen=True)
class PassAt:
    """pass@k: the mean over the tasks with at least k samples."""

    k: int
    tasks: int
    rate: float


@dataclass(frozen=True)
class Passes:
    """One privilege's pass@k; `left_out` traces, failed or ungradable, are not samples."""

    privilege: str
    tasks: int  # with at least one sample
    samples: int
    left_out: int
    at: list[PassAt]


def pass_counts(samples: pl.DataFrame) -> pl.DataFrame:
    """Count, per task and privilege, the samples (`n`), the correct ones (`c`), and other traces (`left_out`)."""
    return (
        samples.group_by("task_id", "privilege")
        .agg(
            n=pl.col("score").count().cast(pl.Int64),
            c=pl.col("score").sum().cast(pl.Int64),
            left_out=pl.col("score").null_count().cast(pl.Int64),
        )
        .sort("task_id", "privilege")
    )


def passes(counts: pl.DataFrame, privilege: str) -> Passes:
    """Return a privilege's pass@k for k = 1, 2, 4, ... up to the largest number of samples of a task."""
    rows = counts.filter(pl.col("privilege") == privilege)
    n, c = rows["n"].to_numpy(), rows["c"].to_numpy()
    at = []
    for k in powers_of_two(int(n.max(initial=0))):
        rates = pass_at_k(n, c, k)[n >= k]
        at.append(PassAt(k, len(rates), float(np.mean(rates))))
    return Passes(privilege, int((n > 0).sum()), int(n.sum()), int(rows["left_out"].sum()), at)


@dataclass(frozen=True)
class TaskPasses:
    """How often one task is solved under each privilege with samples."""

    task_id: str
    family: str | None
    difficulty: str | None  # as the source gives it
    pass_rate: float | None  # unguided: the measured difficulty
    spread: float | None  # highest minus lowest rate of all privileges
    privileges: dict[str, dict[str, Any]]  # n, c, and pass_at: {k: rate}


def by_task(counts: pl.DataFrame, tasks: pl.DataFrame, unguided: str | None) -> list[TaskPasses]:
    """Return every task, those that privileges change most first; among equals, the harder ones first.

    `tasks` has task_id, family, difficulty; `unguided` is the recipe's name of that privilege.
    """
    about = {row["task_id"]: row for row in tasks.iter_rows(named=True)}
    privileges: dict[str, dict[str, dict[str, Any]]] = {}
    for row, at in zip(counts.iter_rows(named=True), _rates(counts), strict=True):
        if row["n"]:
            cell = {"n": row["n"], "c": row["c"], "pass_at": at}
            privileges.setdefault(row["task_id"], {})[row["privilege"]] = cell
    rows = []
    for task_id, cells in privileges.items():
        rates = {name: cell["c"] / cell["n"] for name, cell in cells.items()}
        spread = max(rates.values()) - min(rates.values()) if len(rates) > 1 else None
        task = about.get(task_id, {})
        own = rates.get(unguided) if unguided is not None else None
        rows.append(TaskPasses(task_id, task.get("family"), task.get("difficulty"), own, spread, cells))
    return sorted(rows, key=_hardest_varying)


def _rates(counts: pl.DataFrame) -> list[dict[int, float]]:
    """Return the pass@k of every row, for each k up to its number of samples."""
    n, c = counts["n"].to_numpy(), counts["c"].to_numpy()
    by_k = {k: pass_at_k(n, c, k) for k in powers_of_two(int(n.max(initial=0)))}
    return [{k: float(rates[row]) for k, rates in by_k.items() if k <= n[row]} for row in range(len(n))]


def _hardest_varying(task: TaskPasses) -> tuple[float, float, str]:
    spread = -1.0 if task.spread is None else task.spread
    return -spread, 2.0 if task.pass_rate is None else task.pass_rate, task.task_id
