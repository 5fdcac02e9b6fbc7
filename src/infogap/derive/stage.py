"""The stage `derive`: what its traces depend on. `derive_traces.py` makes them."""

from __future__ import annotations

from typing import Any

from infogap.measure.lexicon_files import read_lexicon
from infogap.recipe import Recipe
from infogap.runs.run_folder import Run
from infogap.runs.stage import Outcome, Stage
from infogap.schema import DERIVATIONS, DERIVED, DERIVED_VERDICTS, TASKS, TRACES, VERDICTS
from infogap.tasks.held_out_tasks import hold_outs
from infogap.verify.grading_settings import grading_settings

LEXICON = "infogap"


def _absent(recipe: Recipe) -> str:
    return (
        "" if recipe.derive else "the recipe derives no traces; `derive:` names changes, such as `- strip_markers: {}`"
    )


def _part(run: Run) -> dict[str, Any]:
    entries = [entry.model_dump(mode="json", by_alias=True) for entry in run.recipe.derive or []]
    lexicon = read_lexicon(LEXICON, run.resolve).digest
    part = {"derive": entries, "seed": run.recipe.seed, "lexicon": lexicon, "grading": grading_settings(run)}
    held_out = [each.model_dump(mode="json") for each in hold_outs(run.recipe)]
    inserts = any(entry.insert_steps for entry in run.recipe.derive or [])
    return part | ({"held_out": held_out} if inserts and held_out else {})  # no steps come from these


def _make(run: Run) -> Outcome:
    from infogap.derive.derive_traces import derive_traces

    return derive_traces(run)


STAGE = Stage(
    "derive",
    (DERIVED.name, DERIVED_VERDICTS.name, DERIVATIONS.name),
    (TASKS.name, TRACES.name, VERDICTS.name),
    2,
    _part,
    _make,
    absent=_absent,
    sees_derived=False,
)
