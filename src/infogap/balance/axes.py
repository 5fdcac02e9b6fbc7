"""The axes of a mix: the values of each, their shares and bounds, and the traces that these amount to."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from infogap.effects.evenness import effective_number

Counts = NDArray[np.int64]
Reals = NDArray[np.float64]
Bound = float | int
"""A part of the mix where it is a float, a number of traces where it is an int."""


@dataclass(frozen=True)
class Axis:
    """One axis of a mix, such as `band`: its values, and the share of each, or the bounds on it, or both.

    `shares` add up to 1; without any, values are free between their bounds. `floors` and `caps` have a bound per value,
    or are empty.
    """

    name: str
    values: tuple[str, ...]
    shares: tuple[float, ...] = ()
    floors: tuple[Bound, ...] = ()
    caps: tuple[Bound, ...] = ()

    def targets(self, size: int, available: Counts) -> Counts:
        """Return the traces of each value in a mix of `size`: whole numbers that add up to `size`.

        By largest remainder (Hamilton's method). Among equal remainders the value with more traces available is
        rounded up, then the first one. Shares outside floors and caps are moved to them, the others scaled to make up
        for it. Without shares every value is -1: it has no target.
        """
        if not self.shares:
            return np.full(len(self.values), -1, dtype=np.int64)
        low, high = self._absolute(size)
        quotas = _between(np.array(self.shares) / sum(self.shares) * size, low, high, size)
        targets = np.floor(np.round(quotas, 9)).astype(np.int64)  # 0.1 * 30 is 3, not 2.9999999999999996
        remainders = np.where(targets < high, np.round(quotas - targets, 9), -1.0)
        order = np.lexsort((np.arange(len(targets)), -available, -remainders))
        order = order[targets[order] < high[order]]  # caps that leave no room for the size leave it short
        targets[order[: max(0, size - int(targets.sum()))]] += 1
        return targets

    def bounds(self, size: int, available: Counts) -> tuple[Reals, Reals]:
        """Return the fewest and the most traces of each value in a mix of `size`: both its target, if it has one."""
        if self.shares:
            targets = self.targets(size, available).astype(np.float64)
            return targets, targets
        return self._absolute(size)

    def lines(self) -> tuple[Reals, Reals, Reals, Reals]:
        """Return slopes and constants of linear bounds that hold for a mix of any size: low, low, high, high."""
        none, unlimited = np.zeros(len(self.values)), np.full(len(self.values), np.inf)
        if self.shares and not (self.floors or self.caps):  # a target differs from share times size by less than one
            shares = np.array(self.shares) / sum(self.shares)
            return shares, none - 1, shares, none + 1
        if self.shares:
            return none, none, none, unlimited
        low = [(each, 0.0) if isinstance(each, float) else (0.0, float(each)) for each in self.floors]
        high = [(each, 0.0) if isinstance(each, float) else (0.0, float(each)) for each in self.caps]
        slopes, constants = (np.array(part) for part in zip(*low, strict=True)) if low else (none, none)
        rising, most = (np.array(part) for part in zip(*high, strict=True)) if high else (none, unlimited)
        return slopes, constants - 1e-6, rising, most + 1e-6

    def ideal_shares(self, available: Counts) -> Reals:
        """Return the shares or, without any, those of the traces that are available."""
        weights = np.array(self.shares) if self.shares else available.astype(np.float64)
        total = weights.sum()
        return weights / total if total else weights

    def among(self, values: Container[str]) -> Axis:
        """Return the axis with these of its values alone, their shares in proportion."""
        places = [place for place, value in enumerate(self.values) if value in values]

        def kept(of_values: tuple[Any, ...]) -> tuple[Any, ...]:
            return tuple(of_values[place] for place in places) if of_values else ()

        total = sum(kept(self.shares))
        shares = tuple(share / total for share in kept(self.shares))
        return Axis(self.name, kept(self.values), shares, kept(self.floors), kept(self.caps))

    def contains(self) -> pl.Expr:
        """Return an expression that is true if a trace's value on this axis can be in the mix."""
        return pl.col(self.name).is_in(self.values).fill_null(False)

    def _absolute(self, size: int) -> tuple[Reals, Reals]:
        """Return floors and caps in traces; shares of the mix are rounded to keep what they promise."""
        low = [np.ceil(round(each * size, 6)) if isinstance(each, float) else each for each in self.floors]
        high = [np.floor(round(each * size, 6)) if isinstance(each, float) else each for each in self.caps]
        count = len(self.values)
        return (
            np.array(low, dtype=np.float64) if low else np.zeros(count),
            np.array(high, dtype=np.float64) if high else np.full(count, np.inf),
        )


def _between(quotas: Reals, low: Reals, high: Reals, size: int) -> Reals:
    """Scale quotas by one factor, clipped to their bounds, so that they add up to the size; unchanged if they fit."""
    if (quotas >= low).all() and (quotas <= high).all():
        return quotas
    least, most = 0.0, 1.0
    while np.clip(quotas * most, low, high).sum() < size and most < 2**40:
        most *= 2
    for _ in range(80):
        middle = (least + most) / 2
        if np.clip(quotas * middle, low, high).sum() < size:
            least = middle
        else:
            most = middle
    scaled: Reals = np.clip(quotas * most, low, high)
    return scaled


def tempered(counts: Sequence[int], effective: float) -> Reals:
    """Return shares in proportion to a power of the counts: the highest, up to 1, that is even enough.

    `effective` is the least effective number of values. Power 1 gives the natural shares, 0 uniform ones; multilingual
    training tempers its shares in this way (Conneau et al. 2020, arXiv 1911.02116).
    """
    weights = np.array(counts, dtype=np.float64)

    def shares(power: float) -> Reals:
        raised: Reals = np.where(weights > 0, weights**power, 0.0)
        raised /= raised.sum()
        return raised

    if effective_number(weights / weights.sum()) >= effective:
        return shares(1.0)
    least, most = 0.0, 1.0
    for _ in range(60):
        middle = (least + most) / 2
        least, most = (middle, most) if effective_number(shares(middle)) >= effective else (least, middle)
    return shares(least)
