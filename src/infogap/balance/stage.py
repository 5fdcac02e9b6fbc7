"""The stage `balance`: traces, verdicts, measures and duplicates -> mix."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl

from infogap.balance.axes import Counts
from infogap.balance.exclusion_reasons import ASKABLE, NOT_ASKED_FOR, Funnel
from infogap.balance.integer_program import Quotas
from infogap.balance.shortfall import ASK_FOR_OTHERS, explain
from infogap.balance.strata import Strata, check_condition, pick, read_strata
from infogap.errors import ShortfallError
from infogap.recipe import Recipe
from infogap.recipe.mix_sections import Balance
from infogap.runs.run_folder import Run
from infogap.runs.stage import Outcome, Stage
from infogap.schema import CONTAMINATION, MIX


def part(run: Run) -> dict[str, Any]:
    """Return what the mix depends on besides the tables."""
    part = {"seed": run.recipe.seed, "balance": run.recipe.balance.model_dump(mode="json", by_alias=True)}
    select = run.recipe.generate.select if run.recipe.generate else None
    part |= {"select": select.model_dump(mode="json")} if select else {}
    return part | ({"decontaminate": {"policy": "drop"}} if _drops_contaminated(run.recipe) else {})


def _drops_contaminated(recipe: Recipe) -> bool:
    return recipe.decontaminate is not None and recipe.decontaminate.policy == "drop"


def make(run: Run) -> Outcome:
    """Select the traces of the mix and write the table `mix`: every trace, with the reason why or why not.

    Raises ShortfallError if the targets cannot be met and the recipe says `when_short: error`; the mix of an earlier
    run is then left unchanged.
    """
    strata = read_strata(run)
    quotas = Quotas(strata.axes, strata.supply)
    counts, target_size, shortfall = _decide(run.recipe.balance, strata, quotas)
    mix = (
        strata.traces.join(pick(strata, counts), on="trace_id", how="left")
        .with_columns(reason=pl.coalesce("reason", "decision"))
        .with_columns(selected=pl.col("reason") == "selected")
        .sort("trace_id")
    )
    with run.rewrite(MIX) as out:
        out.write(mix.select(MIX.schema.names()))
    notes = [*strata.notes, *_left_out_by_default(run.recipe.balance, mix)]
    return Outcome(mix.height, _counts(strata, quotas, target_size, mix), notes, shortfall)


def _inputs(recipe: Recipe) -> tuple[str, ...]:
    return (CONTAMINATION.name,) if _drops_contaminated(recipe) else ()


STAGE = Stage(
    "balance",
    ("mix",),
    ("tasks", "traces", "verdicts", "measures", "duplicates"),
    4,
    part,
    make,
    inputs_by=_inputs,
    ready=check_condition,
)


def _decide(balance: Balance, strata: Strata, quotas: Quotas) -> tuple[Counts, int, str | None]:
    """Return the count of each cell, the target size, and a message if the mix falls short of it."""
    most = strata.supply.most(strata.supply.everything)
    if balance.size is None:
        feasible = quotas.largest(most)
        if feasible:
            return quotas.fill(feasible), feasible, None
        size = max(most, 1)
        closest = quotas.fill(size)
    else:
        size = balance.size
        closest = quotas.fill(size)
        if closest.sum() == size:
            return closest, size, None
        feasible = quotas.largest(min(size, most))
    text = explain(balance, strata, quotas, size, closest, feasible)
    if balance.when_short == "error":
        raise ShortfallError(text)
    counts = closest if balance.when_short == "best_effort" else quotas.fill(feasible)
    return counts, size, f"{text}\nthe mix was made with {counts.sum():,} traces (when_short: {balance.when_short})"


def _counts(strata: Strata, quotas: Quotas, target_size: int, mix: pl.DataFrame) -> dict[str, Any]:
    selected = mix.filter("selected")
    axes = {}
    for axis, targets, available in zip(strata.axes, quotas.targets(target_size), quotas.available, strict=True):
        achieved = dict(selected[axis.name].value_counts().iter_rows())
        axes[axis.name] = {
            value: {"target": int(target), "achieved": achieved.get(value, 0), "available": int(have)}
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
        "most_per_task": int(np.max(per_task.to_numpy(), initial=0)),
    }


def _left_out_by_default(balance: Balance, mix: pl.DataFrame) -> Iterator[str]:
    """Note that a mix holds correct traces alone unless the recipe asks for others."""
    others = mix.filter(pl.col("reason").is_in(NOT_ASKED_FOR))
    if balance.verdict is None and others.height:
        counts = dict(others["reason"].value_counts().sort("count", "reason", descending=[True, False]).iter_rows())
        listed = ", ".join(f"{count:,} {reason.replace('_', ' ')}" for reason, count in counts.items())
        hint = f"; {ASK_FOR_OTHERS}" if others["reason"].is_in(ASKABLE).any() else ""
        yield f"not correct, and so left out: {listed}{hint}"
