"""What a stage's command prints under --json if it has no table of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from infogap.console import output, print_json

if TYPE_CHECKING:
    from infogap.api.run import Run


def print_stage_result(run: Run, stage: str) -> None:
    """Under --json, print the run, the stage's state, its rows and what its manifest counts."""
    if output.json:
        print_json(stage_result(run, stage))


def stage_result(run: Run, stage: str) -> dict[str, Any]:
    """Return the state of a stage as JSON-able values.

    `state` is done, or partial if the command stopped early; `why` says what is left; `counts` is empty until it is
    done.
    """
    from infogap.runs.pipeline import stages

    state = next(each for each in run.status() if each.stage == stage)
    (folder,) = (each.folders[0] for each in stages(run.folder.recipe) if each.name == stage)
    made = run.folder.manifest(folder)
    counts = {} if made is None else {name: count for name, count in made.counts.items() if name != "shortfall"}
    return {
        "run": str(run.path),
        "stage": stage,
        "state": state.state,
        "why": state.why,
        "rows": state.rows,
        "shortfall": state.shortfall,
        "counts": counts,
    }
