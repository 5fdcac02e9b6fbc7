"""The integer program of a mix: traces per type and per group, within bounds on their sums over each axis's values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array, eye_array, hstack

from infogap.balance.axes import Axis, Counts
from infogap.balance.task_flow import Cut, Layout, Supply

Reals = NDArray[np.float64]
Constraint = tuple[Any, Reals, Reals]
"""A matrix over the variables, and the least and the most of each row's product with them."""

_PAIRS = 20_000  # of cells and tasks in one program: with more it takes minutes
_WHOLE_GROUPS = (
    2_000  # with more the numbers of groups are rounded by largest remainders, which takes a tenth of the time
)
_LIMIT = 1  # the status of a search that was ended by its limit
_NODES = 1_000  # of branch and bound: the same on every machine, which a limit in seconds would not be


@dataclass(frozen=True)
class Choice:
    """A solution: traces per type and per group, and how many are above or below a bound."""

    per_type: Counts
    per_group: Counts
    deviation: int
    at_least: int
    """No choice deviates by less; equal to `deviation` unless the search was ended by its limit."""


@dataclass(frozen=True)
class Objective:
    """What to minimise: the deviation from the bounds, the total, and the distance to ideal numbers."""

    deviation: float = 0.0
    total: float = 0.0
    per_type: Reals | None = None
    per_group: Reals | None = None


class IntegerProgram:
    """Traces per type and group, constrained by their sums over each value of the axes, and by cuts."""

    def __init__(self, axes: tuple[Axis, ...], supply: Supply, layout: Layout) -> None:
        self._axes = axes
        self._supply = supply
        self._layout = layout
        grouped = layout.grouping is not None
        self._groups = layout.groups if grouped else 0
        self._variables = layout.types + self._groups
        rows, columns = [], []
        start = 0
        for axis, index in enumerate(supply.members):
            of_cells = layout.group_of_cell + layout.types if axis == layout.grouping else layout.type_of_cell
            pairs = np.unique(np.column_stack([start + index, of_cells]), axis=0)
            rows.append(pairs[:, 0])
            columns.append(pairs[:, 1])
            start += len(axes[axis].values)
        self._values = start
        row = np.concatenate([np.zeros(0, np.int64), *rows])
        column = np.concatenate([np.zeros(0, np.int64), *columns])
        self._sums = csr_array((np.ones(len(row)), (row, column)), shape=(start, self._variables))
        most_of_type = supply.most_by_value(layout.type_of_cell, layout.types)
        most_of_group = supply.most_by_value(layout.group_of_cell, layout.groups)
        self._most = np.concatenate([most_of_type, most_of_group[: self._groups]]).astype(np.float64)
        self._cuts: list[Reals] = []
        self._limits: list[float] = []
        self._by_task = False
        self.was_cut_off = False
        """Whether the last search was ended by its limit."""
        # What the cells of each value can supply together; and all of them.
        for index, axis_ in zip(supply.members, axes, strict=True):
            if layout.grouping is None or index is not supply.members[layout.grouping]:
                most = supply.most_by_value(index, len(axis_.values))
                for value in range(len(axis_.values)):
                    types = np.zeros(layout.types, dtype=np.bool_)
                    types[layout.type_of_cell[index == value]] = True
                    self._cut(types, int(most[value]))
        self._cut(np.ones(layout.types, dtype=np.bool_), supply.most(supply.everything))

    def add(self, cuts: Sequence[Cut]) -> None:
        """Add inequalities that every attainable choice satisfies."""
        for cut in cuts:
            self._cut(cut.types, cut.most, cut.groups)

    def include_tasks(self) -> bool:
        """Put what each task gives of each type into the program, which makes every choice attainable.

        False, and nothing is changed, if the program has that already or would be too large with it.
        """
        if self._by_task or len(self._supply.count) > _PAIRS:
            return False
        self._by_task = True
        return True

    @property
    def _pairs(self) -> int:
        """The variables of what each task gives of each cell, the last ones; 0 without them."""
        return len(self._supply.count) if self._by_task else 0

    def _cut(self, types: NDArray[np.bool_], most: int, groups: NDArray[np.bool_] | None = None) -> None:
        row = np.zeros(self._variables)
        row[: self._layout.types] = types
        if groups is not None and self._groups:
            row[self._layout.types :] = -groups.astype(np.float64)
        self._cuts.append(row)
        self._limits.append(most)

    def sums(self, counts: Counts) -> Reals:
        """Return the sums of the cells' counts over each value, axis by axis."""
        sums = [
            np.bincount(index, weights=counts, minlength=len(axis.values))
            for axis, index in zip(self._axes, self._supply.members, strict=True)
        ]
        return np.concatenate([np.zeros(0), *sums])

    def solve(
        self,
        objective: Objective,
        lower: Reals,
        upper: Reals,
        least: int,
        most: int,
        *,
        soft: bool = False,
        deviation: int | None = None,
    ) -> Choice | None:
        """Return the best choice of least to most traces whose sums are within the bounds; None if there is none.

        With `soft` sums may be out of bounds, by `deviation` traces in all if that is given; a bound of an axis that
        has no shares, a cap, is kept in any case.
        """
        size, values, layout = self._variables, self._values, self._layout
        ideal = _joined([part for part in (objective.per_type, objective.per_group) if part is not None])[:size]
        slack, away = (2 * values if soft else 0), 2 * len(ideal)
        # Columns: types and groups, the traces below and above each value's bounds, those away from ideal numbers.
        end = size + slack + away
        columns = end + self._pairs
        beside = hstack([eye_array(values), -eye_array(values)]) if slack else csr_array((values, 0))
        total = np.zeros((1, columns))
        total[0, : layout.types] = 1
        constraints: list[Constraint] = [
            (hstack([self._sums, beside, csr_array((values, columns - size - slack))]), lower, upper),
            (csr_array(total), np.array([float(least)]), np.array([float(most)])),
            *self._shared(columns),
        ]
        if deviation is not None:
            off = np.zeros((1, columns))
            off[0, size : size + slack] = 1
            constraints.append((csr_array(off), np.zeros(1), np.array([float(deviation)])))
        if away:
            unit = eye_array(len(ideal))
            beyond = csr_array((len(ideal), self._pairs))
            distance = hstack([eye_array(len(ideal), size), csr_array((len(ideal), slack)), unit, -unit, beyond])
            constraints.append((distance, ideal, ideal))
        cost = np.zeros(columns)
        cost[: layout.types] = objective.total
        cost[size : size + slack] = objective.deviation
        cost[size + slack : end] = 1.0
        slack_limits = [self._slack_limits(upper)] if slack else []
        limits = _joined([self._most, *slack_limits, np.full(away, np.inf), self._pair_limits()])
        whole = _joined([np.ones(layout.types + self._whole_groups), np.zeros(columns)])[:columns]
        found, bound = self._solved(cost, constraints, limits, whole)
        if found is None:
            return None
        chosen = np.round(found[:size]).astype(np.int64)
        if self._whole_groups < self._groups:
            chosen[layout.types :] = _rounded(found[layout.types : size], int(chosen[: layout.types].sum()))
        sums = np.asarray(self._sums @ chosen)
        deviates = int(np.maximum(lower - sums, 0).sum() + np.maximum(sums - upper, 0).sum())
        per_type = chosen[: layout.types]
        per_group = chosen[layout.types :] if self._groups else np.array([per_type.sum()])
        at_least = deviates if not self.was_cut_off else max(0, int(bound / (objective.deviation or np.inf)))
        return Choice(per_type, per_group, deviates, min(at_least, deviates))

    @property
    def _whole_groups(self) -> int:
        """The group variables that the program itself holds to whole numbers: all, or none where they are many."""
        return self._groups if self._groups <= _WHOLE_GROUPS else 0

    def without_caps(self) -> NDArray[np.bool_]:
        """Return which types may have more traces whatever the targets: those without a value that has a cap alone."""
        free = np.ones(self._layout.types, dtype=np.bool_)
        for axis, index in zip(self._axes, self._supply.members, strict=True):
            if axis.caps and not axis.shares:
                free[self._layout.type_of_cell] &= np.isinf(axis.bounds(0, np.zeros(len(axis.values), np.int64))[1])[
                    index
                ]
        return free

    def _slack_limits(self, upper: Reals) -> Reals:
        """How far each value may be below, and above, its bounds: not above a cap."""
        shared = _joined([np.full(len(axis.values), float(bool(axis.shares))) for axis in self._axes])
        return np.concatenate([np.full(len(upper), np.inf), np.where(shared > 0, np.inf, 0.0)])

    def largest(self, limit: int) -> int:
        """Return an upper bound for attainable sizes, by a linear program in which the size is a variable."""
        lines = [axis.lines() for axis in self._axes]
        rising, low, growing, high = (_joined([line[part] for line in lines]) for part in range(4))
        size = self._variables
        columns = size + 1 + self._pairs
        beyond = csr_array((len(low), self._pairs))
        constraints: list[Constraint] = [
            (hstack([self._sums, -rising[:, None], beyond]), low, np.full(len(low), np.inf)),
            (hstack([self._sums, -growing[:, None], beyond]), np.full(len(high), -np.inf), high),
        ]
        total = np.zeros((1, columns))
        total[0, : self._layout.types], total[0, size] = 1, -1
        constraints += [(csr_array(total), np.zeros(1), np.zeros(1)), *self._shared(columns)]
        cost = np.zeros(columns)
        cost[size] = -1
        limits = _joined([self._most, np.array([float(limit)]), self._pair_limits()])
        found, _ = self._solved(cost, constraints, limits, np.zeros(columns))
        return 0 if found is None else int(found[size] + 1e-6)

    def _solved(
        self, cost: Reals, constraints: Sequence[Constraint], most: Reals, whole: Reals
    ) -> tuple[Reals | None, float]:
        """Solve a program whose variables are from 0 to `most`: the solution, None if there is none, and its bound."""
        solution = milp(
            cost,
            integrality=whole,
            bounds=Bounds(0, most),
            constraints=[LinearConstraint(*each) for each in constraints if each[0].shape[0]],
            options={"node_limit": _NODES},
        )
        self.was_cut_off = solution.status == _LIMIT
        bound = getattr(solution, "mip_dual_bound", None)
        found: Reals | None = solution.x
        return found, 0.0 if bound is None else float(bound)

    def _pair_limits(self) -> Reals:
        return self._supply.count[: self._pairs].astype(np.float64)

    def _shared(self, columns: int) -> Iterator[Constraint]:
        """The constraints of every program: groups hold what types hold, and the cuts, or what each task gives."""
        if self._groups:
            same = np.zeros((1, columns))
            same[0, : self._layout.types], same[0, self._layout.types : self._variables] = 1, -1
            yield csr_array(same), np.zeros(1), np.zeros(1)
        if self._by_task:
            yield from self._of_tasks(columns)
        cuts = csr_array(np.array(self._cuts))
        padded = hstack([cuts, csr_array((cuts.shape[0], columns - self._variables))])
        yield padded, np.full(cuts.shape[0], -np.inf), np.array(self._limits, dtype=np.float64)

    def _of_tasks(self, columns: int) -> Iterator[Constraint]:
        """The constraints of a flow: tasks give what types and groups hold, each no more than it may."""
        supply, layout = self._supply, self._layout
        pair = columns - self._pairs + np.arange(self._pairs)
        sums = [(layout.type_of_cell[supply.cell], np.arange(layout.types))]
        if self._groups:
            sums.append((layout.group_of_cell[supply.cell], layout.types + np.arange(self._groups)))
        for row, of in sums:
            ones = np.concatenate([np.ones(self._pairs), np.full(len(of), -1.0)])
            places = np.concatenate([row, np.arange(len(of))]), np.concatenate([pair, of])
            yield csr_array((ones, places), shape=(len(of), columns)), np.zeros(len(of)), np.zeros(len(of))
        given = csr_array((np.ones(self._pairs), (supply.task, pair)), shape=(supply.tasks, columns))
        yield given, np.zeros(supply.tasks), supply.room.astype(np.float64)


def _joined(parts: Sequence[Reals]) -> Reals:
    return np.concatenate([np.zeros(0), *parts])


def _rounded(numbers: Reals, total: int) -> Counts:
    """Round numbers to a total, those with the largest remainders up: none passes a bound that is whole."""
    down = np.floor(numbers + 1e-9).astype(np.int64)
    up = np.argsort(-(numbers - down), kind="stable")[: max(0, total - int(down.sum()))]
    down[up] += 1
    return down
