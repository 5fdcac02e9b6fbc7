"""Find what a mix lacks: how many traces of which strata would make it meet its targets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from infogap.balance.axes import Counts
from infogap.balance.quotas import Quotas
from infogap.balance.strata import Strata

_ADJECTIVES = ("verdict", "band")


@dataclass(frozen=True)
class Lack:
    """Traces of one stratum that are missing."""

    traces: int
    values: dict[str, str]
    """The value on each axis that the mix names."""

    privilege: str | None
    """The privilege to generate them under: the one that the mix names, or the one whose traces fit most often."""

    rate: float | None
    """The share of that privilege's traces that fit; None if the mix names the privilege."""

    def __str__(self) -> str:
        how = ", ".join(self.values[axis].replace("_", " ") for axis in _ADJECTIVES if axis in self.values)
        what = f"{self.traces:,} more {how + ' ' if how else ''}{'trace' if self.traces == 1 else 'traces'}"
        if "family" in self.values:
            what += f" of {self.values['family']}"
        for axis, value in self.values.items():
            if axis not in (*_ADJECTIVES, "family", "privilege"):
                what += f" with {axis} {value}"
        if self.privilege is not None:
            what += f" under {self.privilege}"
        return what + (f" ({self.rate:.0%} of its traces fit)" if self.rate is not None else "")


def lacking(strata: Strata, quotas: Quotas, size: int, within: Counts) -> list[Lack]:
    """Return missing traces that would complete the mix, the most numerous first.

    `within` are the counts of the largest mix with no value above its target. It lacks equally many traces on every
    axis with shares; their values are combined one by one, which is one of many ways to complete the mix.
    """
    missing: list[tuple[str, list[tuple[str, int]]]] = []
    targets = quotas.targets(size)
    for axis, index, wanted in zip(strata.axes, strata.supply.members, targets, strict=True):
        if axis.shares:
            reached = np.bincount(index, weights=within, minlength=len(axis.values)).astype(np.int64)
            short = [(value, int(lack)) for value, lack in zip(axis.values, wanted - reached, strict=True) if lack > 0]
            missing.append((axis.name, short))
    total = size - int(within.sum())
    if not missing:
        return [lack_of(strata, {}, total)] if total > 0 else []
    left = [list(short) for _, short in missing]
    lacks: list[Lack] = []
    while all(left):
        traces = min(short[0][1] for short in left)
        values = {name: short[0][0] for (name, _), short in zip(missing, left, strict=True)}
        lacks.append(lack_of(strata, values, traces))
        for short in left:
            value, count = short[0]
            short[:1] = [(value, count - traces)] if count > traces else []
    return sorted(lacks, key=lambda lack: (-lack.traces, tuple(lack.values.values())))


def lack_of(strata: Strata, values: dict[str, str], traces: int) -> Lack:
    """Return missing traces with some values, and the privilege under which such traces are most frequent."""
    split = {
        name: value
        for axis, values_of_axis in values.items()
        for name, value in (
            zip(reversed(axis.split(" given ")), values_of_axis.split(" | "), strict=False)
            if " given " in axis
            else [(axis, values_of_axis)]
        )
    }
    if "privilege" in split:
        return Lack(traces, split, split["privilege"], None)
    alike = [pl.col(axis) == split[axis] for axis in _ADJECTIVES if axis in split]
    known = strata.traces.drop_nulls("verdict")
    if not alike or known.is_empty():
        return Lack(traces, split, None, None)
    fits = pl.all_horizontal(pl.col("reason").is_null(), *alike)  # not a duplicate, say, nor a leak
    rates = known.group_by("privilege").agg(rate=fits.mean())
    privilege, rate = rates.sort("rate", "privilege", descending=[True, False]).row(0)
    return Lack(traces, split, privilege, rate) if rate else Lack(traces, split, None, None)
