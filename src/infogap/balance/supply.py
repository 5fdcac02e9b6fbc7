"""What there is to choose from, in numbers: traces per stratum and task, under the cap per task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from infogap.balance.axes import Counts

Cells = NDArray[np.bool_]  # a set of cells, as a mask


@dataclass(frozen=True)
class Supply:
    """Candidates counted by cell and task: `count[i]` traces of task `task[i]` lie in cell `cell[i]`.

    `members` has, per axis, the index of each cell's value. `cap` is the most traces of one task, if any.
    """

    members: tuple[NDArray[np.int64], ...]
    cells: int
    tasks: int
    cell: NDArray[np.int64]
    task: NDArray[np.int64]
    count: Counts
    cap: int | None

    @classmethod
    def of(cls, candidates: pl.DataFrame, members: Sequence[NDArray[np.int64]], cells: int, cap: int | None) -> Supply:
        """Count the candidates (columns `cell` and `task`)."""
        pairs = candidates.group_by("cell", "task").len().sort("cell", "task")
        return cls(
            members=tuple(members),
            cells=cells,
            tasks=candidates["task"].n_unique(),
            cell=pairs["cell"].to_numpy(),
            task=pairs["task"].to_numpy(),
            count=pairs["len"].cast(pl.Int64).to_numpy(),
            cap=None if cap is None else min(cap, max(1, candidates.height)),  # the flow counts in 32 bits
        )

    def most(self, cells: Cells) -> int:
        """How many traces these cells can give together: of each task no more than the cap."""
        per_task = self.per_task(cells)
        return int(per_task.sum() if self.cap is None else np.minimum(per_task, self.cap).sum())

    def per_task(self, cells: Cells) -> Counts:
        """How many traces of each task lie in these cells."""
        within = cells[self.cell]
        counts = np.bincount(self.task[within], weights=self.count[within], minlength=self.tasks)
        return counts.astype(np.int64)

    def most_by_cell(self) -> Counts:
        """The same for every cell by itself."""
        capped = self.count if self.cap is None else np.minimum(self.count, self.cap)
        return np.bincount(self.cell, weights=capped, minlength=self.cells).astype(np.int64)

    def most_by_value(self, axis: int, values: int) -> Counts:
        """The same for every value of an axis: all the cells that have it."""
        return np.array([self.most(self.members[axis] == value) for value in range(values)], dtype=np.int64)

    @property
    def everything(self) -> Cells:
        return np.ones(self.cells, dtype=np.bool_)
