"""The message for targets that cannot all be met: where traces are missing, and what can be done."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import polars as pl

from infogap.balance.axes import Counts
from infogap.balance.exclusion_reasons import ASKABLE, Funnel
from infogap.balance.quotas import Quotas
from infogap.balance.stage import ASK_FOR_OTHERS
from infogap.balance.strata import Strata

LET_THEM_END = "a truncated trace needs a larger `teacher.sampling.max_tokens` to reach its answer"


class Short(NamedTuple):
    """A value below its target in the closest mix."""

    axis: str
    value: str
    target: int
    reached: int
    available: int


def explain(strata: Strata, quotas: Quotas, size: int, closest: Counts, feasible: int) -> str:
    """Return a table of the values that are short, and what can be done.

    `closest` are the counts of the closest mix of `size`; `feasible` is the largest size that meets every target.
    """
    if strata.candidates.is_empty():
        lines = [f"none of {strata.traces.height:,} traces can be in the mix", *_not_available(strata)]
        if strata.mix.verdict is None and strata.traces["reason"].is_in(ASKABLE).any():
            lines.append(ASK_FOR_OTHERS)
        if "truncated" in strata.traces["reason"]:
            lines.append(LET_THEM_END)
        return "\n".join(lines)
    short = list(_short(strata, quotas, size, closest))
    return "\n".join(
        [
            f"the targets of a mix of {size:,} traces cannot all be met; the closest has {closest.sum():,}",
            *_table(short),
            *_not_available(strata),
            "what can be done, one of:",
            *_ways_out(strata, short, feasible),
        ]
    )


def _short(strata: Strata, quotas: Quotas, size: int, closest: Counts) -> Iterator[Short]:
    axes = zip(strata.axes, strata.supply.members, quotas.targets(size), quotas.available, strict=True)
    for axis, members, targets, have in axes:
        reached = np.bincount(members, weights=closest, minlength=len(axis.values)).astype(np.int64)
        floors = axis.bounds(size, have)[0] if not axis.shares else targets
        for index in np.flatnonzero(reached < floors).tolist():
            yield Short(axis.name, axis.values[index], int(floors[index]), int(reached[index]), int(have[index]))


def _table(short: list[Short]) -> list[str]:
    if not short:
        return []
    lines = [("axis", "value", "target", "closest", "available")]
    lines += [(row.axis, row.value, f"{row.target:,}", f"{row.reached:,}", f"{row.available:,}") for row in short]
    wide = max(len(line[1]) for line in lines)
    return [f"  {axis:<9}  {value:<{wide}}  {a:>9}  {b:>9}  {c:>9}" for axis, value, a, b, c in lines]


def _not_available(strata: Strata) -> Iterator[str]:
    """Say which traces do not count as available, and why."""
    lost = Funnel.of(strata.traces.drop_nulls("reason")).in_words()
    if lost:
        yield f"not available: {lost}"
    held_back = strata.candidates.height - strata.supply.most(strata.supply.everything)
    if held_back:
        limit = strata.mix.max_per_task
        by = f"max_per_task {limit}" if limit is not None else "what a task, or a cluster of tasks, may give"
        yield f"held back by {by}: {held_back:,} of {strata.candidates.height:,}"


def _ways_out(strata: Strata, short: list[Short], feasible: int) -> Iterator[str]:
    balance = strata.mix
    missing = _missing(strata, short)
    wanted = " and ".join(f"{axis} {' or '.join(values)}" for axis, values in missing.items())
    yield f"  - generate more tasks or samples{f' that give {wanted}' if wanted else ''}{_richest(strata, missing)}"
    if not feasible:
        yield "  - change the shares: with these, no size meets every target"
    elif balance.when_short != "shrink":
        yield f"  - lower balance.size to {feasible:,}, the largest that meets every target"
        yield "  - balance.when_short: shrink takes that size by itself"
    if balance.when_short == "error" and balance.size is not None:
        yield "  - balance.when_short: best_effort takes the closest mix"


def _missing(strata: Strata, short: list[Short]) -> dict[str, list[str]]:
    """Return the missing values by axis: those that are used up or, if none is, those that are short together.

    An axis on which every value is short is left out: there are just too few traces.
    """
    used_up = [row for row in short if row.target > row.available]
    missing: dict[str, list[str]] = {}
    for row in used_up or short:
        missing.setdefault(row.axis, []).append(row.value)
    sizes = {axis.name: len(axis.values) for axis in strata.axes}
    return {axis: values for axis, values in missing.items() if used_up or len(values) < sizes[axis]}


def _richest(strata: Strata, missing: dict[str, list[str]]) -> str:
    """Name the privilege with the highest rate of the missing bands and verdicts."""
    named = [pl.col(axis).is_in(values) for axis, values in missing.items() if axis in ("band", "verdict")]
    if not named or "privilege" in missing:
        return ""
    rates = (
        strata.candidates.group_by("privilege")
        .agg(rate=pl.all_horizontal(named).mean())
        .sort("rate", "privilege", descending=[True, False])
    )
    privilege, rate = rates.row(0)
    if rates.height < 2 or not rate:
        return ""
    return f" (privilege {privilege} gives most: {rate:.0%} of its traces)"
