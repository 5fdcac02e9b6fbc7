"""Select the traces of each mix, and write the table `mix`: every trace, with its reason."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from infogap.balance.annotations_read import annotation_notes, reads_annotations
from infogap.balance.coverage import effective_families
from infogap.balance.decide import Decision, decide_all
from infogap.balance.exclusion_reasons import ASK_FOR_OTHERS, ASKABLE, NOT_ASKED_FOR, Funnel
from infogap.balance.top_up import rounds_in_words
from infogap.errors import ShortfallError
from infogap.recipe.balance_section import MixSettings
from infogap.runs.run_folder import Run
from infogap.runs.stage import Outcome
from infogap.schema import MIX


def choose_mixes(run: Run) -> Outcome:
    """Select the traces of each mix, and write the table `mix`: every trace, with its reason.

    If the recipe tops up its mixes, the message says what each round has added.

    Raises ShortfallError if the targets of a mix cannot be met and the recipe says `when_short: error`; the table of an
    earlier run is then left unchanged.
    """
    try:
        outcome = _choose(run)
    except ShortfallError as error:
        said = rounds_in_words(run, short=True)
        raise ShortfallError(f"{error}\n{said}" if said else str(error)) from None
    said = rounds_in_words(run, short=outcome.shortfall is not None)
    if said is None:
        return outcome
    if outcome.shortfall is not None:
        return replace(outcome, shortfall=f"{outcome.shortfall}\n{said}")
    return replace(outcome, notes=[*outcome.notes, said])


def _choose(run: Run) -> Outcome:
    decisions = decide_all(run)
    tables = {decision.strata.name: mix_of(decision) for decision in decisions}
    with run.rewrite(MIX) as out:
        for name, table in tables.items():
            out.write(table.with_columns(mix=pl.lit(name)).select(MIX.schema.names()))
    several = len(decisions) > 1
    figures = {decision.strata.name: mix_figures(decision, tables[decision.strata.name]) for decision in decisions}
    notes = [
        f"{decision.strata.name}: {note}" if several else note
        for decision in decisions
        for note in [
            *decision.strata.notes,
            *decision.notes,
            *_less_even(decision.strata.mix, figures[decision.strata.name]),
            *_left_out_by_default(decision.strata.mix, tables[decision.strata.name]),
        ]
    ]
    notes += list(annotation_notes(run)) if reads_annotations(run.recipe) else []
    short = [
        f"{decision.strata.name}: {decision.shortfall}" if several else decision.shortfall
        for decision in decisions
        if decision.shortfall
    ]
    return Outcome(sum(table.height for table in tables.values()), {"mixes": figures}, notes, "\n".join(short) or None)


def _less_even(mix: MixSettings, figures: dict[str, Any]) -> Iterator[str]:
    """Note that a mix has fewer effective families than asked for, because whole traces cannot be more even."""
    asked = mix.coverage.effective_families if mix.coverage else None
    if asked is not None and figures["effective_families"] < asked - 1e-6:
        yield f"its effective number of families is {figures['effective_families']:.2f}; the recipe asks for {asked:g}"


def _left_out_by_default(mix: MixSettings, table: pl.DataFrame) -> Iterator[str]:
    """Note that a mix holds only correct traces unless the recipe asks for others."""
    others = table.filter(pl.col("reason").is_in(NOT_ASKED_FOR))
    if mix.verdict is None and others.height:
        counts = dict(others["reason"].value_counts().sort("count", "reason", descending=[True, False]).iter_rows())
        listed = ", ".join(f"{count:,} {reason.replace('_', ' ')}" for reason, count in counts.items())
        hint = f"; {ASK_FOR_OTHERS}" if others["reason"].is_in(ASKABLE).any() else ""
        yield f"not correct, and so left out: {listed}{hint}"


def mix_of(decision: Decision) -> pl.DataFrame:
    """Return every trace, sorted by trace_id, with `selected`, `reason`, `detail` and `stratum` in one mix."""
    return (
        decision.strata.traces.join(decision.picked, on="trace_id", how="left")
        .with_columns(reason=pl.coalesce("reason", "decision"))
        .with_columns(selected=pl.col("reason") == "selected")
        .sort("trace_id")
    )


def mix_figures(decision: Decision, mix: pl.DataFrame) -> dict[str, Any]:
    """Return the figures of one mix: size and target, per axis and value target, achieved and available, reasons."""
    strata, quotas, target_size = decision.strata, decision.quotas, decision.target_size
    selected = mix.filter("selected")
    axes = {}
    for axis, targets, available in zip(strata.axes, quotas.targets(target_size), quotas.available, strict=True):
        achieved = dict(selected[axis.name].value_counts().iter_rows())
        axes[axis.name] = {
            value: {
                "target": int(target) if target >= 0 else None,
                "achieved": achieved.get(value, 0),
                "available": int(have),
            }
            for value, target, have in zip(axis.values, targets, available, strict=True)
        }
    per_task = selected["task_id"].value_counts()["count"]
    return {
        "size": selected.height,
        "target_size": target_size,
        "axes": axes,
        "reasons": dict(mix["reason"].value_counts().sort("reason").iter_rows()),
        "funnel": Funnel.of(mix).as_counts(),
        "tasks": selected["task_id"].n_unique(),
        "families": selected["family"].n_unique(),
        "effective_families": round(effective_families(selected), 6),
        "most_per_task": int(np.max(per_task.to_numpy(), initial=0)),
    }
