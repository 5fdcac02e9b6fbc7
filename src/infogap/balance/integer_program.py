"""How many traces of each cell: the targets of all axes at once, met or approached as closely as possible.

An integer program, solved by HiGHS (through SciPy); the cap per task enters it as cuts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from infogap.balance.axes import Axis, Counts
from infogap.balance.task_flow import Supply, overdrawn

if TYPE_CHECKING:
    from scipy.sparse import csr_array


Reals = NDArray[np.float64]

# Both limits give the same result on every machine, which a limit in seconds would not.
_NODES = 5_000  # of branch and bound
_ROUNDS = 200  # of solving and cutting
# Where the cost of a cell's count bends, as multiples of its ideal count.
_BENDS = (0.125, 0.25, 0.5, 0.75, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0, 3.0, 5.0, 8.0, 16.0, 64.0)
_REWARD = 100.0  # of a trace, in nats: far above what evenness could ever make up for


class Segments(NamedTuple):
    """The cells' counts in pieces: the cell of each piece, its width and its cost, in traces and per trace."""

    owner: NDArray[np.int64]
    width: Counts
    cost: Reals


class IntegerProgram:
    """Counts per cell, constrained by their sums over each value of the axes, and by the cap per task.

    The cap enters as cuts: if a solution asks a set of cells for more than their tasks can supply, that set's bound is
    added and the program is solved again. A cut excludes no attainable solution.
    """

    def __init__(self, axes: tuple[Axis, ...], supply: Supply) -> None:
        from scipy.sparse import csr_array

        self._supply = supply
        sets = [
            members == value
            for axis, members in zip(axes, supply.members, strict=True)
            for value in range(len(axis.values))
        ]
        sets.append(np.ones(supply.cells, dtype=np.bool_))
        self.sums = csr_array(np.array(sets, dtype=np.float64))
        """One row per value of each axis, summing its cells; the last row sums all cells."""
        self._cuts = list(sets)
        self._bounds = [supply.most(cells) for cells in sets]

    def attainable(self, segments: Segments, lower: Reals, upper: Reals, *, whole: bool) -> Reals | None:
        """Return the cheapest counts with lower <= sums <= upper that the tasks can supply; None if none were found.

        `whole` asks for whole numbers; without it, counts may exceed the supply by a thousandth.
        """
        for _ in range(_ROUNDS):
            counts = self.optimum(segments, self.sums, lower, upper, whole=whole)
            if counts is None:
                return None
            over = overdrawn(self._supply, counts)
            if not over:
                return counts
            self._cuts += over
            self._bounds += [self._supply.most(cells) for cells in over]
        return None

    def optimum(self, segments: Segments, rows: csr_array, lower: Reals, upper: Reals, *, whole: bool) -> Reals | None:
        """Return the cheapest counts with lower <= rows @ counts <= upper under the current cuts."""
        from scipy.optimize import Bounds, LinearConstraint, milp
        from scipy.sparse import csr_array

        pieces = len(segments.owner)
        counts_of = csr_array(
            (np.ones(pieces), (segments.owner, np.arange(pieces))), shape=(self._supply.cells, pieces)
        )
        cuts = csr_array(np.array(self._cuts, dtype=np.float64))
        solution = milp(
            segments.cost,
            integrality=np.full(pieces, int(whole)),
            bounds=Bounds(0, segments.width),
            constraints=[
                LinearConstraint(rows @ counts_of, lower, upper),
                LinearConstraint(cuts @ counts_of, -np.inf, self._bounds),
            ],
            options={"node_limit": _NODES},
        )
        if solution.x is None:
            return None
        counts: Reals = counts_of @ (np.round(solution.x) if whole else solution.x)
        return counts


def flat(most: Counts) -> Segments:
    """Return costs under which every trace is worth the same."""
    cells = np.arange(len(most))
    return Segments(cells, most, np.full(len(most), -1.0))


def evenly(ideal: Reals, most: Counts, reward: float = 0.0) -> Segments:
    """Return the Kullback-Leibler divergence of the counts from the ideal ones as costs, less a reward per trace.

    A cell's term, x log(x / ideal) - x, is approximated by a line that bends at whole numbers. It is convex, so the
    cheapest counts fill a cell's pieces in order.
    """
    owner: list[int] = []
    width: list[int] = []
    cost: list[float] = []
    for cell, (wanted, limit) in enumerate(zip(ideal.tolist(), most.tolist(), strict=True)):
        bends = {0, limit} | {min(limit, round(wanted * bend)) for bend in _BENDS}
        points = np.array(sorted(bends), dtype=np.float64)
        values = points * np.log(np.maximum(points, 1) / wanted) - points
        owner += [cell] * (len(points) - 1)
        width += np.diff(points).astype(np.int64).tolist()
        cost += (np.diff(values) / np.diff(points) - reward).tolist()
    return Segments(np.array(owner), np.array(width), np.array(cost))


class Quotas:
    """The quotas of the cells, from the axes and the supply."""

    def __init__(self, axes: tuple[Axis, ...], supply: Supply) -> None:
        self._axes = axes
        self._supply = supply
        self._most = supply.most_by_cell()
        self._shares = [np.array(axis.shares) / sum(axis.shares) for axis in axes]
        self._programme = IntegerProgram(axes, supply)
        self.available = [supply.most_by_value(index, len(axis.values)) for index, axis in enumerate(axes)]
        """Per axis: the most traces of each value that the supply allows, other axes aside."""

    def targets(self, size: int) -> list[Counts]:
        """Return, per axis, the traces of each value in a mix of `size`."""
        return [axis.targets(size, available) for axis, available in zip(self._axes, self.available, strict=True)]

    def fill(self, size: int) -> Counts:
        """Return each cell's count in the largest mix in which no value exceeds its target in a mix of `size`.

        The shortfall adds up to the same on every axis, so the largest such mix is also the closest. Of several, it is
        the one whose cells are closest to the product of the shares by the Kullback-Leibler divergence, which is what
        raking minimises (Ireland and Kullback 1968).
        """
        targets = self.targets(size)
        for total in range(self._total_bound(targets, size), 0, -1):  # mostly the first total is attainable
            counts = self._counts(targets, total)
            if counts is not None:
                return counts
        return np.zeros(self._supply.cells, dtype=np.int64)

    def largest(self, limit: int) -> int:
        """Return the largest size up to `limit` whose targets can all be met exactly; 0 if there is none."""
        size = self._size_bound(limit)
        while size > 0:
            targets = self.targets(size)
            if any((want > have).any() for want, have in zip(targets, self.available, strict=True)):
                size -= 1
                continue
            bound = self._total_bound(targets, size)
            if bound == size and self._counts(targets, size) is not None:
                break
            size = self._next_size(targets, size, min(bound, size - 1))
        return size

    def _next_size(self, targets: list[Counts], size: int, most: int) -> int:
        """Return the next size below `size`, given that its targets allow `most` traces.

        A size whose targets are all smaller allows no more than that. Rounding can raise single targets for a smaller
        size; each trace by which one rises allows at most one more.
        """
        for smaller in range(size - 1, most, -1):
            rises = sum(
                int(np.maximum(new - old, 0).sum()) for new, old in zip(self.targets(smaller), targets, strict=True)
            )
            if smaller <= most + rises:
                return smaller
        return most

    def _counts(self, targets: list[Counts], total: int) -> Counts | None:
        """Return the most even whole counts with this total and no value above its target; None if there are none."""
        upper = _limits(targets, total)
        lower = np.zeros(len(upper))
        lower[-1] = total
        counts = self._programme.attainable(evenly(self._ideal(total), self._most), lower, upper, whole=True)
        return None if counts is None else counts.astype(np.int64)

    def _total_bound(self, targets: list[Counts], size: int) -> int:
        """Return an upper bound, mostly attained, for the traces of a mix with no value above its target."""
        if not self._supply.cells or size < 1:
            return 0
        upper = _limits(targets, size)
        lower = np.zeros(len(upper))
        # Even counts exceed the cap of few tasks, so this finds the cuts that matter in a few rounds.
        self._programme.attainable(evenly(self._ideal(size), self._most, _REWARD), lower, upper, whole=False)
        counts = self._programme.optimum(flat(self._most), self._programme.sums, lower, upper, whole=False)
        return 0 if counts is None else int(counts.sum() + 1e-6)

    def _size_bound(self, limit: int) -> int:
        """Return an upper bound for attainable sizes: a target differs from share times size by less than one."""
        from scipy.sparse import csr_array

        if not self._supply.cells or limit < 1:
            return 0
        shares = np.concatenate([*self._shares, [0.0]])
        rows = csr_array(self._programme.sums.toarray() - shares[:, np.newaxis])
        lower, upper = np.full(len(shares), -1.0), np.full(len(shares), 1.0)
        lower[-1], upper[-1] = 0, limit
        counts = self._programme.optimum(flat(self._most), rows, lower, upper, whole=False)
        return 0 if counts is None else int(counts.sum() + 1e-6)

    def _ideal(self, size: int) -> Reals:
        """Return the product of the shares, times the size."""
        ideal = np.full(self._supply.cells, float(size))
        for shares, members in zip(self._shares, self._supply.members, strict=True):
            ideal *= shares[members]
        return ideal


def _limits(targets: list[Counts], total: int) -> Reals:
    return np.concatenate([*targets, np.array([total])]).astype(np.float64)
