"""The stage `import`: what its tables depend on. `import_traces.py` makes them."""

from __future__ import annotations

from typing import Any

from infogap.recipe import Recipe
from infogap.recipe.recipe_errors import spell_path
from infogap.recipe.sources import CREDITS
from infogap.rows.source_digests import check_places, contents
from infogap.runs.run_folder import Run
from infogap.runs.stage import Outcome, Stage
from infogap.schema import STATED_VERDICTS, TRACE_TURNS


def part(run: Run) -> dict[str, Any]:
    """The sources' settings and bytes."""
    return {
        spell_path(("import", index)): source.model_dump(mode="json", by_alias=True, exclude=CREDITS)
        | contents(run, source)
        for index, source in enumerate(run.recipe.import_ or [])
    }


def check_sources_are_there(run: Run) -> None:
    """Raise InputError if a source's files are not there."""
    for source in run.recipe.import_ or []:
        check_places(run, source)


def _absent(recipe: Recipe) -> str:
    return "" if recipe.imports else "this run has no stage import: its traces are generated"


def _make(run: Run) -> Outcome:
    from infogap.imports.import_traces import import_traces

    return import_traces(run)


STAGE = Stage(
    "import",
    ("traces", "contexts", STATED_VERDICTS.name, TRACE_TURNS.name),
    ("tasks",),
    7,
    part,
    _make,
    absent=_absent,
    ready=check_sources_are_there,
    sees_derived=False,
)
