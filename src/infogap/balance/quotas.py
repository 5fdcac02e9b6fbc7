"""How many traces of each cell: the targets of all axes at once, met or approached as closely as possible.

An integer program over types and groups (see `task_flow`), solved by HiGHS through SciPy, and a flow that says whether
the tasks can supply what it chose. Where they cannot, the minimum cut is added to the program as an inequality and it
is solved again (Benders 1962). A cut excludes no attainable choice, so what the flow accepts is the optimum. The
program has a variable per type and per group, not one per cell: 10,000 families and 200 types are 10,200 variables.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from infogap.balance.axes import Axis, Counts
from infogap.balance.integer_program import Choice, IntegerProgram, Objective
from infogap.balance.task_flow import Layout, Supply, TaskFlow

Reals = NDArray[np.float64]

# The same limits on every machine, which one in seconds would not be.
_ROUNDS = 40  # of solving and cutting
_LARGE = 20_000  # types times groups
_ROUNDS_OF_LARGE = 6
_FIRST_STEP = 200  # of what a large mix has at most: its largest size is sought by steps from there
_HALVES = 4  # of the last step
_BEFORE_TASKS = 10  # rounds, until the program holds the tasks themselves, if it is not too large with them
_RAKES = 50  # of fitting the ideal counts to the targets


@dataclass(frozen=True)
class Closest:
    """The mix that comes closest to targets that cannot all be met."""

    counts: Counts
    """Traces per cell."""

    deviation: int
    """Traces above or below target, summed over all values of all axes."""

    at_least: int
    """No mix of this size deviates by less; equal to `deviation` unless the search was cut off."""


def _above_all(traces: int) -> float:
    """A weight of one trace that no distance to ideal numbers, twice for types and twice for groups, outweighs."""
    return min(4.0 * traces + 10, 1e6)


class Quotas:
    """The quotas of the cells, from the axes and the supply."""

    def __init__(self, axes: tuple[Axis, ...], supply: Supply) -> None:
        self._axes = axes
        self._supply = supply
        self._layout = Layout.of(supply)
        self._flow = TaskFlow(supply, self._layout)
        self.available = [
            supply.most_by_value(index, len(axis.values)) for axis, index in zip(axes, supply.members, strict=True)
        ]
        """Per axis: the most traces of each value that the tasks can supply, other axes aside."""
        self._most = supply.most_by_cell()
        self._program = IntegerProgram(axes, supply, self._layout)
        self.was_cut_off = False
        """Whether a search was ended before it was proved that there is nothing better."""

    def targets(self, size: int) -> list[Counts]:
        """Return, per axis, the traces of each value in a mix of `size`; -1 for values that are only bounded."""
        return [axis.targets(size, available) for axis, available in zip(self._axes, self.available, strict=True)]

    def exactly(self, size: int) -> Counts | None:
        """Return each cell's count in a mix of `size` that meets every target; None if there is none.

        Of several, it is the one whose types are closest to the product of the shares, raked to the targets (Ireland
        and Kullback 1968).
        """
        if not self._supply.cells:
            return None if size else np.zeros(0, dtype=np.int64)
        lower, upper = self._bounds(size)
        even = self._even(size)
        choice, _ = self._attained(lambda: self._program.solve(even, lower, upper, size, size))
        return None if choice is None else self._spread(choice, size)

    def within(self, size: int) -> Counts:
        """Return each cell's count in a mix in which no value exceeds its target in a mix of `size`.

        It is the largest, unless the search for it is cut off.
        """
        if not self._supply.cells:
            return np.zeros(0, dtype=np.int64)
        choice, last = self._largest_within(size)
        found = choice or last
        return np.zeros(self._supply.cells, dtype=np.int64) if found is None else self._spread(found, size)

    def closest(self, size: int, attainable: Counts) -> Closest:
        """Return the mix of `size`, or of as many traces as there are, that deviates least from the targets.

        A value's cap is kept whatever the targets. Of several such mixes, it is the one closest to the product of the
        shares. `attainable` are counts to start from where the search is cut off.
        """
        total = min(size, self._supply.most(self._supply.everything))
        if not total:
            return Closest(np.zeros(self._supply.cells, dtype=np.int64), size, size)
        lower, upper = self._bounds(size)
        wanted = replace(self._even(total), deviation=_above_all(total))
        choice, last = self._attained(lambda: self._program.solve(wanted, lower, upper, total, total, soft=True))
        if choice is not None:
            return Closest(self._spread(choice, total), choice.deviation, choice.at_least)
        if last is None:  # caps that leave no mix of this size
            counts = self.within(size)
            return Closest(counts, self._deviation(counts, lower, upper), 0)
        free = self._program.without_caps()
        starts = (self._spread(last, total), attainable)
        mixes = [self._flow.filled(counts, total, free) for counts in starts if counts.sum() <= total]
        deviations = [self._deviation(counts, lower, upper) for counts in mixes]
        best = int(np.argmin(deviations))
        return Closest(mixes[best], deviations[best], min(last.at_least, deviations[best]))

    def largest(self, limit: int) -> int:
        """Return the largest size up to `limit` whose targets can all be met exactly; 0 if there is none.

        Where the search is cut off, there may be a larger one: `was_cut_off` says so.
        """
        self.was_cut_off = False
        size = self._program.largest(limit) if self._supply.cells else 0
        if self._is_large:
            return self._first_attainable(size)
        step = 1
        while size > 0:
            targets = self.targets(size)
            choice, last = self._largest_within(size)
            if last is not None:  # cut off: not every size is tried any more
                if self._is_attainable(size):
                    break
                size, step = max(0, size - step), 2 * step
                continue
            most = 0 if choice is None else int(choice.per_type.sum())
            if most == size and self._is_attainable(size):
                break
            size = self._next_size(targets, size, min(most, size - 1))
        return size

    def _first_attainable(self, bound: int) -> int:
        """Return an attainable size below a bound: it is sought by steps that double, then by a few halves."""
        size, above, step = bound, bound + 1, max(1, bound // _FIRST_STEP)
        while size > 0 and not self._is_attainable(size):
            self.was_cut_off = True  # sizes between the steps are not tried
            size, above, step = max(0, size - step), size, 2 * step
        for _ in range(_HALVES):
            if above - size <= 1:
                break
            middle = (size + above) // 2
            size, above = (middle, above) if self._is_attainable(middle) else (size, middle)
        return size

    def _is_attainable(self, size: int) -> bool:
        lower, upper = self._bounds(size)
        even = self._even(size)
        choice, _ = self._attained(lambda: self._program.solve(even, lower, upper, size, size))
        return choice is not None

    def _largest_within(self, size: int) -> tuple[Choice | None, Choice | None]:
        """Return the largest choice with no value above its target in a mix of `size`; see `_attained`."""
        lower, upper = self._bounds(size)
        lower = np.minimum(lower, 0)
        # Of the largest, one that is near what the tasks can supply: any other would be cut many times.
        largest = replace(self._even(size), total=-_above_all(size))
        return self._attained(lambda: self._program.solve(largest, lower, upper, 0, size))

    def _deviation(self, counts: Counts, lower: Reals, upper: Reals) -> int:
        sums = self._program.sums(counts)
        return int(np.maximum(lower - sums, 0).sum() + np.maximum(sums - upper, 0).sum())

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

    def _bounds(self, size: int) -> tuple[Reals, Reals]:
        """Return the fewest and the most traces of each value, axis by axis, in a mix of `size`."""
        bounds = [axis.bounds(size, available) for axis, available in zip(self._axes, self.available, strict=True)]
        lower = np.concatenate([np.zeros(0), *(each[0] for each in bounds)])
        upper = np.concatenate([np.zeros(0), *(each[1] for each in bounds)])
        return lower, upper

    def _attained(self, solve: Callable[[], Choice | None]) -> tuple[Choice | None, Choice | None]:
        """Solve and cut until the tasks can supply the choice; None if there is none, or not within the rounds.

        The second is the last choice that they cannot supply, if the search was cut off. Its objective bounds that of
        every attainable one.
        """
        choice: Choice | None = None
        for round_ in range(_ROUNDS_OF_LARGE if self._is_large else _ROUNDS):
            if round_ == _BEFORE_TASKS:
                self._program.include_tasks()
            choice = solve()
            self.was_cut_off |= self._program.was_cut_off
            if choice is None:
                return None, None
            cuts = self._flow.cuts(choice.per_type, choice.per_group)
            if not cuts:
                return choice, None
            self._program.add(cuts)
        self.was_cut_off = True
        return None, choice

    @property
    def _is_large(self) -> bool:
        return self._layout.types * self._layout.groups > _LARGE

    def _spread(self, choice: Choice, total: int) -> Counts:
        return self._flow.spread(choice.per_type, choice.per_group, self._ideal(total))

    def _even(self, total: int) -> Objective:
        ideal = self._ideal(total)
        layout = self._layout
        return Objective(
            per_type=np.bincount(layout.type_of_cell, weights=ideal, minlength=layout.types).astype(np.float64),
            per_group=np.bincount(layout.group_of_cell, weights=ideal, minlength=layout.groups).astype(np.float64),
        )

    def _ideal(self, size: int) -> Reals:
        """Return the product of the shares, times the size, fitted to the targets and to what each cell can supply."""
        ideal: Reals = np.full(self._supply.cells, float(size))
        shares = [axis.ideal_shares(available) for axis, available in zip(self._axes, self.available, strict=True)]
        for of_values, index in zip(shares, self._supply.members, strict=True):
            ideal *= of_values[index]
        most = self._most.astype(np.float64)
        ideal = np.minimum(ideal, most)
        for _ in range(_RAKES):
            before = ideal
            for of_values, index in zip(shares, self._supply.members, strict=True):
                sums = np.bincount(index, weights=ideal, minlength=len(of_values))
                factors = np.divide(of_values * size, sums, out=np.ones_like(sums), where=sums > 0)
                ideal = np.minimum(ideal * factors[index], most)
            if np.abs(ideal - before).max(initial=0) < 1e-6:
                break
        return ideal
