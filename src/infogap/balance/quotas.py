"""How many traces of each cell: the targets of all axes at once, met or come as close to as can be."""

from __future__ import annotations

import numpy as np

from infogap.balance.axes import Axis, Counts
from infogap.balance.integer_program import Programme, Reals, evenly, flat
from infogap.balance.supply import Supply

_REWARD = 100.0  # of a trace, in nats: far above what evenness could ever make up for


class Quotas:
    """The quotas of the cells, for given axes and a given supply."""

    def __init__(self, axes: tuple[Axis, ...], supply: Supply) -> None:
        self._axes = axes
        self._supply = supply
        self._most = supply.most_by_cell()
        self._shares = [np.array(axis.shares) / sum(axis.shares) for axis in axes]
        self._programme = Programme(axes, supply)
        self.available = [supply.most_by_value(index, len(axis.values)) for index, axis in enumerate(axes)]
        """Per axis: the most traces of each value that can be had, whatever the other values."""

    def targets(self, size: int) -> list[Counts]:
        """Per axis: how many traces of each value a mix of `size` has."""
        return [axis.targets(size, available) for axis, available in zip(self._axes, self.available, strict=True)]

    def fill(self, size: int) -> Counts:
        """The count of each cell in the largest mix in which no value exceeds its target in a mix of `size`.

        What is short of the targets adds up to the same over every axis, so the largest such mix is also the
        closest. Of several, it is the one whose cells are closest to the product of the shares, by the
        Kullback-Leibler divergence (which is what raking minimises: Ireland and Kullback 1968).
        """
        targets = self.targets(size)
        for total in range(self._total_bound(targets, size), 0, -1):  # mostly the first one can be had
            counts = self._counts(targets, total)
            if counts is not None:
                return counts
        return np.zeros(self._supply.cells, dtype=np.int64)

    def largest(self, limit: int) -> int:
        """The largest size up to `limit` whose targets can all be met exactly; 0 where there is none."""
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
        """The next size below `size` that is not ruled out by the targets of `size` allowing `most` traces.

        Where all targets are smaller too, no more than that can be had. Rounding can make single targets larger
        for a smaller size; each trace by which one rises allows one more at most.
        """
        for smaller in range(size - 1, most, -1):
            rises = sum(
                int(np.maximum(new - old, 0).sum()) for new, old in zip(self.targets(smaller), targets, strict=True)
            )
            if smaller <= most + rises:
                return smaller
        return most

    def _counts(self, targets: list[Counts], total: int) -> Counts | None:
        """The most even whole counts with this total and no value above its target."""
        upper = _limits(targets, total)
        lower = np.zeros(len(upper))
        lower[-1] = total
        counts = self._programme.attainable(evenly(self._ideal(total), self._most), lower, upper, whole=True)
        return None if counts is None else counts.astype(np.int64)

    def _total_bound(self, targets: list[Counts], size: int) -> int:
        """No mix without a value above its target has more traces than this; mostly, one has as many."""
        if not self._supply.cells or size < 1:
            return 0
        upper = _limits(targets, size)
        lower = np.zeros(len(upper))
        # Even counts overdraw few tasks, so this finds the cuts that matter in a few rounds.
        self._programme.attainable(evenly(self._ideal(size), self._most, _REWARD), lower, upper, whole=False)
        counts = self._programme.optimum(flat(self._most), self._programme.sums, lower, upper, whole=False)
        return 0 if counts is None else int(counts.sum() + 1e-6)

    def _size_bound(self, limit: int) -> int:
        """No larger size has attainable targets: a target differs from share times size by less than one."""
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
        """The product of the shares, times the size."""
        ideal = np.full(self._supply.cells, float(size))
        for shares, members in zip(self._shares, self._supply.members, strict=True):
            ideal *= shares[members]
        return ideal


def _limits(targets: list[Counts], total: int) -> Reals:
    return np.concatenate([*targets, np.array([total])]).astype(np.float64)
