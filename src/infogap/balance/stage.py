"""The stage `balance`: what its table depends on. `choose_mixes.py` makes it."""

from __future__ import annotations

from typing import Any

from infogap.balance.annotations_read import annotations_digest, reads_annotations
from infogap.balance.mix_columns import drops_contaminated
from infogap.balance.top_up import ask_for_more
from infogap.recipe import Recipe
from infogap.runs.run_folder import Run
from infogap.runs.stage import Outcome, Stage
from infogap.schema import CONTAMINATION


def part(run: Run) -> dict[str, Any]:
    """Return what the mixes depend on besides the tables."""
    balance = run.recipe.balance.model_dump(mode="json", by_alias=True, exclude={"top_up"})
    part = {"seed": run.recipe.seed, "balance": balance}
    select = run.recipe.generate.select if run.recipe.generate else None
    part |= {"select": select.model_dump(mode="json")} if select else {}
    part |= {"annotations": annotations_digest(run)} if reads_annotations(run.recipe) else {}
    return part | ({"decontaminate": {"policy": "drop"}} if drops_contaminated(run.recipe) else {})


def _inputs(recipe: Recipe) -> tuple[str, ...]:
    return (CONTAMINATION.name,) if drops_contaminated(recipe) else ()


def _ready(run: Run) -> None:
    from infogap.balance.mix_pool import check_columns

    check_columns(run)


def _make(run: Run) -> Outcome:
    from infogap.balance.choose_mixes import choose_mixes

    return choose_mixes(run)


STAGE = Stage(
    "balance",
    ("mix",),
    ("tasks", "traces", "verdicts", "measures", "duplicates"),
    7,
    part,
    _make,
    inputs_by=_inputs,
    ready=_ready,
    asks_for_more=ask_for_more,
)
