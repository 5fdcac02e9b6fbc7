"""In how many tasks each n-gram stands."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from infogap.runs.run_folder import Run
from infogap.schema import TASKS

COMMON_TASKS, COMMON_QUESTIONS = 10, 3
"""An n-gram in so many tasks, or in so many different evaluation questions, is more likely a phrase than a question."""

_FEW = 1_000_000


class Tally:
    """Counts the tasks of n-grams (numbered from 0); a task counts once, however many of its texts have the n-gram."""

    def __init__(self, run: Run, grams: int) -> None:
        self._grams = grams
        ids = run.scan(TASKS).select("task_id").collect()
        self._tasks = ids.sort("task_id").with_row_index("task").cast({"task": pl.Int64})
        self._seen = np.empty(0, np.int64)  # different pairs, as task * grams + gram
        self._new: list[NDArray[np.int64]] = []

    def add(self, task_ids: pl.Series, grams: pl.Series) -> None:
        """Note that the tasks have the n-grams, one by one."""
        pairs = pl.DataFrame({"task_id": task_ids, "gram": grams}).unique().join(self._tasks, on="task_id")
        self._new.append(np.sort(pairs["task"].to_numpy() * self._grams + pairs["gram"].to_numpy()))
        if sum(map(len, self._new)) > max(len(self._seen), _FEW):
            self._merge()

    def table(self, questions: NDArray[np.int64]) -> pl.DataFrame:
        """For each `gram` its `tasks`, its `questions` (given) and whether it is `common`."""
        self._merge()
        tasks = np.bincount(self._seen % max(self._grams, 1), minlength=self._grams)
        common = (tasks >= COMMON_TASKS) | (questions >= COMMON_QUESTIONS)
        numbers = np.arange(self._grams)
        return pl.DataFrame({"gram": numbers, "tasks": tasks, "questions": questions, "common": common})

    def _merge(self) -> None:
        self._seen = np.unique(np.concatenate([self._seen, *self._new]))
        self._new = []
