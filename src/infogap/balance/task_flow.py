"""Which task gives how many traces: a maximum flow from types through cells and tasks to groups.

A *cell* holds the traces with the same value on every axis. A *group* is a value of the grouping axis, one that is a
property of the task (its family, say); a *type* is a combination of values of the other axes. Where there is no such
axis all tasks are in one group. Numbers of traces per type and per group can be met, under the cap of each task,
exactly if a flow carries all of them. Where they cannot, the minimum cut names the types that together ask for too much
(Ford and Fulkerson 1956).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from infogap.balance.axes import Counts

Mask = NDArray[np.bool_]
Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Supply:
    """Candidates counted by cell and task: `count[i]` traces of task `task[i]` are in cell `cell[i]`.

    `members` has, per axis, the index of each cell's value. `room` is the most traces of each task.
    """

    members: tuple[Indices, ...]
    cells: int
    tasks: int
    cell: Indices
    task: Indices
    count: Counts
    room: Counts

    @classmethod
    def of(cls, candidates: pl.DataFrame, members: Sequence[Indices], cells: int, cap: int | Counts | None) -> Supply:
        """Count the candidates (columns `cell` and `task`). `cap` is the most traces of one task, or of each task."""
        pairs = candidates.group_by("cell", "task").len().sort("cell", "task")
        tasks = candidates["task"].n_unique()
        most = max(1, candidates.height)  # the flow counts in 32 bits
        return cls(
            members=tuple(members),
            cells=cells,
            tasks=tasks,
            cell=pairs["cell"].to_numpy().astype(np.int64),
            task=pairs["task"].to_numpy().astype(np.int64),
            count=pairs["len"].cast(pl.Int64).to_numpy(),
            room=np.minimum(np.full(tasks, most) if cap is None else np.broadcast_to(cap, tasks), most).astype(
                np.int64
            ),
        )

    def most(self, cells: Mask) -> int:
        """Return how many traces these cells can supply together, of each task no more than its cap."""
        return int(np.minimum(self.per_task(cells), self.room).sum())

    def per_task(self, cells: Mask) -> Counts:
        """Count the traces of each task in these cells."""
        within = cells[self.cell]
        counts = np.bincount(self.task[within], weights=self.count[within], minlength=self.tasks)
        return counts.astype(np.int64)

    def most_by_cell(self) -> Counts:
        """Return how many traces each cell can supply by itself."""
        capped = np.minimum(self.count, self.room[self.task])
        return np.bincount(self.cell, weights=capped, minlength=self.cells).astype(np.int64)

    def most_by_value(self, index: Indices, values: int) -> Counts:
        """Return how many traces the cells of each value can supply together; `index` has the value of each cell."""
        pairs = pl.DataFrame({"value": index[self.cell], "task": self.task, "count": self.count})
        together = pairs.group_by("value", "task").agg(pl.col("count").sum())
        capped = np.minimum(together["count"].to_numpy(), self.room[together["task"].to_numpy()])
        return np.bincount(together["value"].to_numpy(), weights=capped, minlength=values).astype(np.int64)

    @property
    def everything(self) -> Mask:
        return np.ones(self.cells, dtype=np.bool_)


@dataclass(frozen=True)
class Layout:
    """How the cells of a supply are divided into types and groups."""

    grouping: int | None
    """The index of the grouping axis; None where all tasks are in one group."""

    type_of_cell: Indices
    group_of_cell: Indices
    types: int
    groups: int

    @classmethod
    def of(cls, supply: Supply) -> Layout:
        """Group by the axis that is a property of the task; of several, by the one with the most values."""
        by_task = [axis for axis, index in enumerate(supply.members) if _is_of_tasks(supply, index)]
        grouping = max(by_task, key=lambda axis: len(np.unique(supply.members[axis])), default=None)
        if not supply.cells:
            return cls(None, np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), 0, 1)
        others = [index for axis, index in enumerate(supply.members) if axis != grouping]
        combinations = np.column_stack(others) if others else np.zeros((supply.cells, 1), dtype=np.int64)
        kinds, type_of_cell = np.unique(combinations, axis=0, return_inverse=True)
        if grouping is None:
            return cls(None, type_of_cell.ravel(), np.zeros(supply.cells, dtype=np.int64), len(kinds), 1)
        group = supply.members[grouping]
        return cls(grouping, type_of_cell.ravel(), group, len(kinds), int(group.max(initial=-1)) + 1)


def _is_of_tasks(supply: Supply, index: Indices) -> bool:
    """Whether the traces of each task all have one value."""
    first = np.full(supply.tasks, -1, dtype=np.int64)
    values = index[supply.cell]
    first[supply.task] = values
    return bool(np.array_equal(first[supply.task], values))


@dataclass(frozen=True)
class Cut:
    """An inequality that numbers per type and per group must satisfy: types - groups <= most."""

    types: Mask
    groups: Mask
    most: int


class TaskFlow:
    """The network of a supply: source -> types -> cells -> tasks -> groups -> sink."""

    def __init__(self, supply: Supply, layout: Layout) -> None:
        self._supply = supply
        self._layout = layout
        group_of_task = np.zeros(supply.tasks, dtype=np.int64)
        group_of_task[supply.task] = layout.group_of_cell[supply.cell]
        types = 1 + np.arange(layout.types)
        cells = 1 + layout.types + np.arange(supply.cells)
        tasks = 1 + layout.types + supply.cells + np.arange(supply.tasks)
        groups = 1 + layout.types + supply.cells + supply.tasks + np.arange(layout.groups)
        self._sink = 1 + layout.types + supply.cells + supply.tasks + layout.groups
        self._types = types
        self._groups = groups
        self._start = np.concatenate(
            [np.zeros_like(types), types[layout.type_of_cell], cells[supply.cell], tasks, groups]
        )
        self._end = np.concatenate(
            [types, cells, tasks[supply.task], groups[group_of_task], np.full_like(groups, self._sink)]
        )
        self._to_cells = slice(layout.types, layout.types + supply.cells)

    def cuts(self, per_type: Counts, per_group: Counts) -> list[Cut]:
        """Return inequalities that these numbers violate; none if the tasks can supply them."""
        capacity = self._capacity(per_type, per_group, per_type[self._layout.type_of_cell])
        flow, residual = self._augmented(capacity, np.zeros_like(capacity))
        if flow[: self._layout.types].sum() == per_type.sum():
            return []
        return [cut for cut in self._parts(capacity, residual) if _violates(cut, per_type, per_group)]

    def spread(self, per_type: Counts, per_group: Counts, ideal: NDArray[np.float64]) -> Counts:
        """Return the traces of each cell, as near to the ideal ones as the numbers allow.

        Where `cuts` finds some, it is as many as the tasks can supply. Cells are first filled up to the ideal, rounded
        down, then to what it is rounded up, then to twice that, and at last without a limit.
        """
        flow = np.zeros(len(self._start), dtype=np.int64)
        unlimited = per_type[self._layout.type_of_cell]
        for limit in (np.floor(ideal), np.ceil(ideal), 2 * np.ceil(ideal) + 1, unlimited):
            of_cells = np.maximum(np.minimum(limit.astype(np.int64), unlimited), flow[self._to_cells])
            flow, _ = self._augmented(self._capacity(per_type, per_group, of_cells), flow)
            if flow[: self._layout.types].sum() == per_type.sum():
                break
        return flow[self._to_cells]

    def filled(self, counts: Counts, total: int, types: Mask) -> Counts:
        """Add traces of any cell of some types to attainable counts, up to a total if the tasks can supply it."""
        free = types[self._layout.type_of_cell]
        most = np.full(self._layout.types, total, dtype=np.int64)
        room = np.full(self._layout.groups, total, dtype=np.int64)
        flow, _ = self._augmented(self._capacity(most, room, counts), np.zeros(len(self._start), dtype=np.int64))
        more = np.where(free, total, counts)
        flow, _ = self._augmented(self._capacity(most, room, np.maximum(more, flow[self._to_cells])), flow)
        made: Counts = flow[self._to_cells]
        spare = int(made.sum()) - total
        for cell in np.flatnonzero(made > counts).tolist():  # fewer of some cell is always attainable
            if spare <= 0:
                break
            less = min(spare, int(made[cell] - counts[cell]))
            made[cell] -= less
            spare -= less
        return made

    def _capacity(self, per_type: Counts, per_group: Counts, of_cells: Counts) -> Counts:
        return np.concatenate([per_type, of_cells, self._supply.count, self._supply.room, per_group])

    def _augmented(self, capacity: Counts, flow: Counts) -> tuple[Counts, NDArray[np.bool_]]:
        """Return a maximum flow that grows from `flow`, and which nodes its residual graph reaches from the source."""
        from scipy.sparse import csr_array
        from scipy.sparse.csgraph import breadth_first_order, maximum_flow

        ends = self._start, self._end
        nodes = (self._sink + 1, self._sink + 1)
        both = np.concatenate(ends), np.concatenate(ends[::-1])
        graph = csr_array((np.concatenate([capacity - flow, flow]).astype(np.int32), both), shape=nodes)
        graph.eliminate_zeros()
        change = maximum_flow(graph, 0, self._sink).flow
        residual = (graph - change).tocsr()
        residual.eliminate_zeros()
        reached = np.zeros(self._sink + 1, dtype=np.bool_)
        reached[breadth_first_order(residual, 0, return_predecessors=False)] = True
        return flow + np.asarray(change[ends]).ravel().astype(np.int64), reached

    def _parts(self, capacity: Counts, reached: Mask) -> Iterator[Cut]:
        """Split the minimum cut into parts without a common task: a bound for each is tighter than one for all."""
        from scipy.sparse import csr_array
        from scipy.sparse.csgraph import connected_components

        inner = slice(self._layout.types, len(self._start) - self._layout.groups)
        start, end, limit = self._start[inner], self._end[inner], capacity[inner]
        within = reached[start] & reached[end]
        edges = (np.ones(int(within.sum()), dtype=np.int8), (start[within], end[within]))
        _, label = connected_components(csr_array(edges, shape=(self._sink + 1,) * 2), directed=False)
        leaving = reached[start] & ~reached[end]
        most = np.bincount(label[start[leaving]], weights=limit[leaving], minlength=label.max() + 1)
        for part in np.unique(label[self._types[reached[self._types]]]):
            types, groups = (reached[nodes] & (label[nodes] == part) for nodes in (self._types, self._groups))
            yield Cut(types, groups, int(most[part]))


def _violates(cut: Cut, per_type: Counts, per_group: Counts) -> bool:
    return bool(per_type[cut.types].sum() - per_group[cut.groups].sum() > cut.most)


class Spread:
    """Takes the traces of cells from tasks, as evenly over the tasks as possible."""

    def __init__(self, supply: Supply) -> None:
        self._supply = supply

    def of(self, wanted: Counts) -> Counts:
        """Return the traces to take of each pair (cell, task) of the supply.

        `wanted`, the traces of each cell, must be attainable. The tasks' shares are raised level by level, one trace
        each before a second one. A later flow takes nothing away from a task, so as many tasks as possible are covered
        once, then twice, and so on up to four; above, levels grow by half.
        """
        supply = self._supply
        taken = np.zeros_like(supply.count)
        left = wanted.astype(np.int64)
        for level in _levels(int(supply.room.max(initial=1)), int(supply.count.sum())):
            if not left.any():
                break
            held = np.bincount(supply.task, weights=taken, minlength=supply.tasks).astype(np.int64)
            room = np.maximum(np.minimum(level, supply.room) - held, 0)
            taken = taken + self._flow(left, supply.count - taken, taken, room)
            left = wanted - np.bincount(supply.cell, weights=taken, minlength=supply.cells).astype(np.int64)
        return taken

    def _flow(self, wanted: Counts, forward: Counts, back: Counts, room: Counts) -> Counts:
        """Return a maximum flow source -> cells -> tasks -> sink, per pair (cell, task).

        `forward` and `back` are the residual capacities of each pair.
        """
        from scipy.sparse import csr_array
        from scipy.sparse.csgraph import maximum_flow

        pair_cells, pair_tasks, start, end, sink = self._arcs
        capacity = np.concatenate([wanted, forward, back, room]).astype(np.int32)
        graph = csr_array((capacity, (start, end)), shape=(sink + 1, sink + 1))
        graph.eliminate_zeros()
        flow = maximum_flow(graph, 0, sink).flow
        return np.asarray(flow[pair_cells, pair_tasks]).ravel().astype(np.int64)

    @cached_property
    def _arcs(self) -> tuple[Indices, Indices, Indices, Indices, int]:
        supply = self._supply
        sink = 1 + supply.cells + supply.tasks
        cells = 1 + np.arange(supply.cells)
        tasks = 1 + supply.cells + np.arange(supply.tasks)
        pair_cells, pair_tasks = cells[supply.cell], tasks[supply.task]
        start = np.concatenate([np.zeros(supply.cells, dtype=np.int64), pair_cells, pair_tasks, tasks])
        end = np.concatenate([cells, pair_tasks, pair_cells, np.full(supply.tasks, sink)])
        return pair_cells, pair_tasks, start, end, sink


def _levels(cap: int, most: int) -> Iterator[int]:
    last = min(cap, most)
    level = 1
    while level < last:
        yield level
        level += max(1, level // 2)
    yield last
