"""The stage `dedupe`: what its table depends on. `dedupe_traces.py` makes it."""

from __future__ import annotations

from typing import Any

from infogap.recipe import Recipe
from infogap.runs.run_folder import Run
from infogap.runs.stage import Outcome, Stage
from infogap.schema import MEASURES, VERDICTS

VERSION = 3


def part(run: Run) -> dict[str, Any]:
    """Return what the duplicates depend on besides the traces."""
    settings = run.recipe.dedupe
    return {"dedupe": settings and settings.model_dump(mode="json", by_alias=True)}


def _inputs(recipe: Recipe) -> tuple[str, ...]:
    """Return measures or verdicts as inputs, only if the recipe's `keep` needs them."""
    keep = recipe.dedupe.keep if recipe.dedupe else "first"
    return {"most_uncertain": (MEASURES.name,), "correct_first": (VERDICTS.name,)}.get(keep, ())


def _make(run: Run) -> Outcome:
    from infogap.dedupe.dedupe_traces import dedupe_traces

    return dedupe_traces(run)


STAGE = Stage("dedupe", ("duplicates",), ("tasks", "traces"), VERSION, part, _make, inputs_by=_inputs)
