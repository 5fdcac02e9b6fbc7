"""Find what the mixes of a run lack: decide on each without writing it, and see where it is short."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from infogap.balance.axes import Counts
from infogap.balance.coverage import Ask, short_tasks
from infogap.balance.decide import Decision, decide_all
from infogap.balance.lacking import Lack, lack_of, lacking
from infogap.balance.samples_to_request import MixLack
from infogap.balance.strata import TaskSupply, pick, read_task_supplies
from infogap.balance.unreachable import NEVER, too_few_tasks, why_unreachable
from infogap.recipe.balance_section import MixSettings, TextSize
from infogap.runs.run_folder import Run


def missing_traces(run: Run) -> list[MixLack]:
    """Return what each mix that misses its targets lacks; empty if none does.

    A mix that no further sample can make whole lacks nothing that could be asked for.

    Where there are too few tasks for the coverage of one mix, that comes first: the others are looked at when there are
    enough.
    """
    too_few = [lack for supply in read_task_supplies(run) for lack in _of_coverage(supply)]
    if too_few:
        return too_few
    decisions = decide_all(run, raise_if_short=False)
    return [_of_decision(decision) for decision in decisions if decision.shortfall is not None]


def _of_coverage(supply: TaskSupply) -> Iterator[MixLack]:
    of_task = supply.traces.group_by("task_id").agg(
        generated=pl.len(), never=pl.col("reason").is_in(NEVER).fill_null(value=False).all()
    )
    tasks = supply.tasks.join(of_task, on="task_id", how="left", maintain_order="left").filter(~pl.col("never"))
    of_tasks = short_tasks(supply.ask, tasks, supply.mix.coverage)
    hopeless = too_few_tasks(supply, tasks)
    if of_tasks or hopeless:
        traces = supply.traces.with_columns(selected=pl.lit(value=False))
        yield MixLack(supply.name, traces, of_tasks={} if hopeless else of_tasks)


def _of_decision(decision: Decision) -> MixLack:
    """Return what a mix lacks beside the largest mix with no value above its target."""
    strata, within = decision.strata, decision.quotas.within(_size(decision))
    chosen = pick(strata, within).select("trace_id", selected=pl.col("decision") == "selected")
    traces = strata.traces.join(chosen, on="trace_id", how="left")
    traces = traces.with_columns(pl.col("selected").fill_null(value=False))
    lacks = _lacks(decision, within)
    return MixLack(strata.name, traces, lacks, None, _cap(strata.mix), strata.mix.max_per_cluster)


def _cap(mix: MixSettings) -> int | None:
    ask = Ask.of(mix)
    per_task = ask.per_task if ask is not None and mix.coverage is not None and mix.coverage.per_task else None
    caps = [cap for cap in (mix.max_per_task, per_task) if cap is not None]
    return min(caps, default=None)


def lacks_of(decision: Decision) -> list[Lack]:
    """Return the traces that would complete a mix; empty if it meets its targets."""
    return [] if decision.shortfall is None else _lacks(decision, decision.quotas.within(_size(decision)))


def _lacks(decision: Decision, within: Counts) -> list[Lack]:
    strata, quotas, size = decision.strata, decision.quotas, _size(decision)
    if why_unreachable(strata, size) is not None:
        return []
    lacks = lacking(strata, quotas, size, within)
    if lacks:
        return lacks
    # The size is reached, but values with a floor and no share are short.
    for axis, index, have in zip(strata.axes, strata.supply.members, quotas.available, strict=True):
        if not axis.shares:
            floors = axis.bounds(size, have)[0]
            reached = np.bincount(index, weights=within, minlength=len(axis.values))
            short = np.ceil(np.maximum(floors - reached, 0)).astype(np.int64).tolist()
            lacks = [
                lack_of(strata, {axis.name: value}, lack)
                for value, lack in zip(axis.values, short, strict=True)
                if lack
            ]
        if lacks:
            break
    return lacks


def _size(decision: Decision) -> int:
    """Return the size of the mix in traces; for a size in text, an estimate."""
    size, candidates = decision.strata.mix.size, decision.strata.candidates
    if not isinstance(size, TextSize):
        return decision.target_size
    column, wanted = ("completion_tokens", size.tokens) if size.tokens is not None else ("words", size.words)
    total = int(candidates[column].sum() or 0)
    return max(decision.target_size, -(-(wanted or 0) * candidates.height // total)) if total else decision.target_size
