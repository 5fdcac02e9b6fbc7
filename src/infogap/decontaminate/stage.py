"""The stage `decontaminate`: what its table depends on. `compare_texts.py` makes it."""

from __future__ import annotations

from typing import Any

from infogap.recipe import Recipe
from infogap.recipe.decontaminate_section import Decontaminate
from infogap.rows.source_digests import content
from infogap.runs.run_folder import Run
from infogap.runs.stage import Outcome, Stage
from infogap.schema import CONTAMINATION, TASKS, TRACES

QUESTIONS = "questions.parquet"
"""Beside the table: the evaluation questions with a match."""


def settings_of(run: Run) -> Decontaminate:
    """Return the recipe's section; without one the pipeline has no such stage."""
    settings = run.recipe.decontaminate
    assert settings is not None
    return settings


def part(run: Run) -> dict[str, Any]:
    """Return what the matches depend on: the rule, the sets and their bytes. The policy concerns only balance."""
    settings = settings_of(run)
    sets = [
        entry.model_dump(mode="json", by_alias=True) | {"name": entry.label, "sha256": content(run, entry)}
        for entry in settings.against
    ]
    rule = settings.model_dump(mode="json", exclude={"against", "policy", "coverage"})
    return {"decontaminate": rule | {"least_share": settings.least_share}, "against": sets}


def _inputs(recipe: Recipe) -> tuple[str, ...]:
    on = recipe.decontaminate.on if recipe.decontaminate else []
    return (TRACES.name,) if {"trace", "context"} & set(on) else ()


def _absent(recipe: Recipe) -> str:
    if recipe.decontaminate is not None:
        return ""
    return (
        "the recipe names no evaluation sets; add to it: `decontaminate: {against: [{from: FILE, column: question}]}`"
    )


def _make(run: Run) -> Outcome:
    from infogap.decontaminate.compare_texts import compare_texts

    return compare_texts(run)


STAGE = Stage("decontaminate", (CONTAMINATION.name,), (TASKS.name,), 1, part, _make, absent=_absent, inputs_by=_inputs)
