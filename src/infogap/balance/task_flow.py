"""Which task gives how many traces to each cell: a maximum flow from cells through tasks, under the cap per task.

Counts per cell can be met under the cap exactly if a flow carries all of them. Where they cannot, the minimum cut names
the cells that together ask for too much (Ford and Fulkerson 1956).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from infogap.balance.axes import Counts

Cells = NDArray[np.bool_]  # a set of cells, as a mask
_LARGEST = 2**31 - 1  # capacities are 32-bit


@dataclass(frozen=True)
class Supply:
    """Candidates counted by cell and task: `count[i]` traces of task `task[i]` are in cell `cell[i]`.

    `members` has, per axis, the index of each cell's value. `cap` is the most traces of one task; None is no cap.
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
        """Return how many traces these cells can supply together, of each task no more than the cap."""
        per_task = self.per_task(cells)
        return int(per_task.sum() if self.cap is None else np.minimum(per_task, self.cap).sum())

    def per_task(self, cells: Cells) -> Counts:
        """Count the traces of each task in these cells."""
        within = cells[self.cell]
        counts = np.bincount(self.task[within], weights=self.count[within], minlength=self.tasks)
        return counts.astype(np.int64)

    def most_by_cell(self) -> Counts:
        """Return how many traces each cell can supply by itself."""
        capped = self.count if self.cap is None else np.minimum(self.count, self.cap)
        return np.bincount(self.cell, weights=capped, minlength=self.cells).astype(np.int64)

    def most_by_value(self, axis: int, values: int) -> Counts:
        """Return how many traces the cells of each value of an axis can supply together."""
        return np.array([self.most(self.members[axis] == value) for value in range(values)], dtype=np.int64)

    @property
    def everything(self) -> Cells:
        return np.ones(self.cells, dtype=np.bool_)


def overdrawn(supply: Supply, wanted: NDArray[np.float64] | Counts) -> list[Cells]:
    """Return the sets of cells of which more is wanted than the cap lets them supply; none if all is attainable.

    Whole numbers are checked exactly, others to within a thousandth of a trace per cell.
    """
    if supply.cap is None:
        return []
    whole = np.round(wanted)
    if np.array_equal(whole, wanted):
        scale = 1
    else:  # the flow is in whole numbers of 32 bits
        scale = max(1, min(1000, _LARGEST // max(supply.cap, int(wanted.sum()) + 1, int(supply.count.max()))))
    scaled = np.floor(wanted * scale).astype(np.int64)
    room = np.full(supply.tasks, supply.cap * scale)
    flow, cut = _flow(supply, scaled, supply.count * scale, np.zeros_like(supply.count), room)
    if flow.sum() == scaled.sum():
        return []
    return [part for part in _connected(supply, cut) if wanted[part].sum() > supply.most(part) + 1e-6]


def spread(supply: Supply, wanted: Counts) -> Counts:
    """Return the traces to take of each pair (cell, task) of the supply, as evenly over the tasks as possible.

    `wanted` must be attainable (see `overdrawn`). The tasks' shares are raised level by level, one trace each before a
    second one. A later flow takes nothing away from a task, so as many tasks as possible are covered once, then twice,
    and so on up to four; above, levels grow by half.
    """
    taken = np.zeros_like(supply.count)
    left = wanted.astype(np.int64)
    for level in _levels(supply.cap, int(supply.count.sum())):
        if not left.any():
            break
        held = np.bincount(supply.task, weights=taken, minlength=supply.tasks).astype(np.int64)
        change, _ = _flow(supply, left, supply.count - taken, taken, level - held)
        taken = taken + change
        left = wanted - np.bincount(supply.cell, weights=taken, minlength=supply.cells).astype(np.int64)
    return taken


def _levels(cap: int | None, most: int) -> Iterator[int]:
    last = most if cap is None else min(cap, most)
    level = 1
    while level < last:
        yield level
        level += max(1, level // 2)
    yield last


def _flow(supply: Supply, wanted: Counts, forward: Counts, back: Counts, room: Counts) -> tuple[Counts, Cells]:
    """Return a maximum flow source -> cells -> tasks -> sink, per pair (cell, task), and the cells on the source's side
    of a minimum cut. `forward` and `back` are the residual capacities of each pair."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import breadth_first_order, maximum_flow

    source, sink = 0, 1 + supply.cells + supply.tasks
    cells = 1 + np.arange(supply.cells)
    tasks = 1 + supply.cells + np.arange(supply.tasks)
    pair_cells, pair_tasks = cells[supply.cell], tasks[supply.task]
    start = np.concatenate([np.full(supply.cells, source), pair_cells, pair_tasks, tasks])
    end = np.concatenate([cells, pair_tasks, pair_cells, np.full(supply.tasks, sink)])
    capacity = np.concatenate([wanted, forward, back, room]).astype(np.int32)
    graph = csr_array((capacity, (start, end)), shape=(sink + 1, sink + 1))
    flow = maximum_flow(graph, source, sink).flow
    residual = (graph - flow).tocsr()
    residual.eliminate_zeros()
    reached = breadth_first_order(residual, source, return_predecessors=False)
    cut = np.zeros(sink + 1, dtype=np.bool_)
    cut[reached] = True
    per_pair = np.asarray(flow[pair_cells, pair_tasks]).ravel().astype(np.int64)
    return per_pair, cut[cells]


def _connected(supply: Supply, cells: Cells) -> Iterator[Cells]:
    """Split the cells into sets without a common task: a bound for each is tighter than one for all."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    within = cells[supply.cell]
    nodes = supply.cells + supply.tasks
    edges = (np.ones(int(within.sum()), dtype=np.int8), (supply.cell[within], supply.cells + supply.task[within]))
    _, labels = connected_components(csr_array(edges, shape=(nodes, nodes)), directed=False)
    own: NDArray[np.int32] = labels[: supply.cells]
    for label in np.unique(own[cells]):
        yield cells & (own == label)
