"""Explain targets that cannot all be met: where traces are missing, and what can be done."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

import numpy as np

from infogap.balance.axes import Counts
from infogap.balance.exclusion_reasons import ASK_FOR_OTHERS, ASKABLE, Funnel
from infogap.balance.lacking import Lack, lacking
from infogap.balance.quotas import Quotas
from infogap.balance.strata import Strata

_VALUES = 12  # rows of one axis in the table
_LACKS = 5  # strata named in a message
_RAISE_MAX_TOKENS = "a truncated trace needs a larger `teacher.sampling.max_tokens` to reach its answer"


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
            lines.append(_RAISE_MAX_TOKENS)
        return "\n".join(lines)
    short = list(_short(strata, quotas, size, closest))
    return "\n".join(
        [
            f"the targets of a mix of {size:,} traces cannot all be met; the closest has {closest.sum():,}",
            *_table(short),
            *_not_available(strata),
            "what can be done: the first, or one of the others",
            *_ways_out(strata, lacking(strata, quotas, size, closest), feasible),
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
    for axis, rows in groupby(short, key=lambda row: row.axis):
        of_axis = list(rows)
        lines += [
            (axis, row.value, f"{row.target:,}", f"{row.reached:,}", f"{row.available:,}") for row in of_axis[:_VALUES]
        ]
        if len(of_axis) > _VALUES:
            lines.append((axis, f"and {len(of_axis) - _VALUES:,} more", "", "", ""))
    wide = max(len(line[1]) for line in lines)
    return [f"  {axis:<9}  {value:<{wide}}  {a:>9}  {b:>9}  {c:>9}".rstrip() for axis, value, a, b, c in lines]


def _not_available(strata: Strata) -> Iterator[str]:
    """Yield lines that say which traces are not available, and why."""
    lost = Funnel.of(strata.traces.drop_nulls("reason")).in_words()
    if lost:
        yield f"not available: {lost}"
    held_back = strata.candidates.height - strata.supply.most(strata.supply.everything)
    if held_back:
        limit = strata.mix.max_per_task
        by = f"max_per_task {limit}" if limit is not None else "what a task, or a cluster of tasks, may supply"
        yield f"held back by {by}: {held_back:,} of {strata.candidates.height:,}"


def _ways_out(strata: Strata, lacks: list[Lack], feasible: int) -> Iterator[str]:
    mix = strata.mix
    for lack in lacks[:_LACKS]:
        yield f"  - generate {lack}"
    if len(lacks) > _LACKS:
        traces = sum(lack.traces for lack in lacks[_LACKS:])
        yield f"    and {traces:,} more of {len(lacks) - _LACKS:,} other strata; see `infogap balance RUN --plan`"
    if not feasible:
        yield "  - change the shares: with these, no size meets every target"
    elif mix.when_short != "shrink":
        yield f"  - lower balance.size to {feasible:,}, the largest that meets every target"
        yield "  - balance.when_short: shrink takes that size by itself"
    if mix.when_short == "error" and mix.traces is not None:
        yield "  - balance.when_short: best_effort takes the closest mix of that size"
