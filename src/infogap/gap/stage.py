"""The stage `gap`: what its scores depend on. `score_traces.py` makes them."""

from __future__ import annotations

from typing import Any

from infogap.gap.gap_scorer import check_scorer, scorer_identity
from infogap.privileges.ladder import privilege_versions
from infogap.recipe import Recipe
from infogap.runs.run_folder import Run
from infogap.runs.stage import Outcome, Stage
from infogap.schema import CONTEXTS, GAPS, TASKS, TOKEN_GAPS, TRACES, VERDICTS


def _part(run: Run) -> dict[str, Any]:
    gap = run.recipe.measure.gap
    assert gap is not None
    # Imported traces have neither the recipe's instruction nor its wording.
    generate = run.recipe.generate
    worded = {"instruction": generate.instruction, "wording": generate.wording} if generate else {}
    part = gap.model_dump(mode="json", exclude={"scorer"}) | {"scorer": scorer_identity(run), "prompts": worded}
    versions = privilege_versions(gap.contexts, run.base)
    return part | ({"privileges": versions} if versions else {})


def _begun(run: Run) -> tuple[int, str] | None:
    from infogap.gap.score_cache import scored_before

    return scored_before(run)


def _absent(recipe: Recipe) -> str:
    return "" if recipe.measure.gap else "the recipe scores nothing; add `measure: {gap: {scorer: teacher}}` to it"


def _make(run: Run) -> Outcome:
    from infogap.gap.score_traces import score_traces

    return score_traces(run)


STAGE = Stage(
    "gap",
    (GAPS.name, TOKEN_GAPS.name),
    (TASKS.name, CONTEXTS.name, TRACES.name, VERDICTS.name),
    2,
    _part,
    _make,
    absent=_absent,
    begun=_begun,
    ready=check_scorer,
)
