"""Counts per cell by linear and integer programming (HiGHS, through scipy), with the cap per task as cuts."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from infogap.balance.axes import Axis, Counts
from infogap.balance.supply import Supply
from infogap.balance.task_flow import overdrawn

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Reals = NDArray[np.float64]

# Both limits give the same result on every machine, which a limit in seconds would not.
_NODES = 5_000  # of branch and bound
_ROUNDS = 200  # of solving and cutting
# Where the cost of a cell's count bends, as multiples of its ideal count.
_BENDS = (0.125, 0.25, 0.5, 0.75, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0, 3.0, 5.0, 8.0, 16.0, 64.0)


class Segments(NamedTuple):
    """The cells' counts in pieces: whose piece, how many traces wide, and what each of its traces costs."""

    owner: NDArray[np.int64]
    width: Counts
    cost: Reals


class Programme:
    """Counts per cell, constrained by their sums over each value of the axes, and by the cap per task.

    The cap enters as cuts: where a solution asks a set of cells for more than their tasks can give, that set's
    bound is added and the programme is solved again. A cut excludes nothing that can be had.
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
        """The cheapest counts with lower <= sums <= upper that the tasks can give; None where none were found.

        `whole` asks for whole numbers; without it, counts may be overdrawn by a thousandth.
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
        """The cheapest counts with lower <= rows @ counts <= upper under the cuts known so far."""
        from scipy.optimize import Bounds, LinearConstraint, milp
        from scipy.sparse import csr_array

        pieces = len(segments.owner)
        counts_of = csr_array(
            (np.ones(pieces), (segments.owner, np.arange(pieces))), shape=(self._supply.cells, pieces)
        )
        cuts = csr_array(np.array(self._cuts, dtype=np.float64))
        found = milp(
            segments.cost,
            integrality=np.full(pieces, int(whole)),
            bounds=Bounds(0, segments.width),
            constraints=[
                LinearConstraint(rows @ counts_of, lower, upper),
                LinearConstraint(cuts @ counts_of, -np.inf, self._bounds),
            ],
            options={"node_limit": _NODES},
        )
        if found.x is None:
            return None
        counts: Reals = counts_of @ (np.round(found.x) if whole else found.x)
        return counts


def flat(most: Counts) -> Segments:
    """Every trace is worth the same."""
    cells = np.arange(len(most))
    return Segments(cells, most, np.full(len(most), -1.0))


def evenly(ideal: Reals, most: Counts, reward: float = 0.0) -> Segments:
    """The Kullback-Leibler divergence of the counts from the ideal ones, less a reward per trace.

    A cell's share of it, x log(x / ideal) - x, is taken as a line that bends at whole numbers. It is convex, so
    the cheapest counts fill a cell's pieces in order.
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
