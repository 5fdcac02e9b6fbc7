"""The stages in their order, and how a run is brought up to date."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module

from infogap.console import say
from infogap.errors import UserError
from infogap.recipe import Recipe
from infogap.runs.run_folder import Run
from infogap.runs.stage import Stage
from infogap.runs.staleness import StageState, Staleness

_MODULES = {
    "tasks": "infogap.tasks",
    "generate": "infogap.generate",
    "import": "infogap.imports",
    "verify": "infogap.verify",
    "gap": "infogap.gap",
    "measure": "infogap.measure",
    "dedupe": "infogap.dedupe",
    "decontaminate": "infogap.decontaminate",
    "balance": "infogap.balance",
    "publish": "infogap.publish",
    "report": "infogap.report",
}


def stages(recipe: Recipe) -> list[Stage]:
    """The recipe's stages, in the order in which they run."""
    left_out = {"generate" if recipe.imports else "import"}
    if recipe.measure.gap is None:
        left_out.add("gap")
    if recipe.decontaminate is None:
        left_out.add("decontaminate")
    found: list[Stage] = [import_module(module).STAGE for name, module in _MODULES.items() if name not in left_out]
    return [replace(stage, inputs=(*stage.inputs, *stage.inputs_by(recipe))) for stage in found]


def states(run: Run) -> list[StageState]:
    """Every stage's state, in order."""
    order = stages(run.recipe)
    staleness = Staleness(run, order)
    return [staleness.state(stage) for stage in order]


def run_all(run: Run) -> list[StageState]:
    """Bring every stage up to date, leaving alone those that hold. Returns what each was before.

    Nothing is made, and nothing generated, where a stage that is to be made says that it could not be.
    """
    order = stages(run.recipe)
    staleness = Staleness(run, order)
    for stage in order:
        if staleness.state(stage).state != "done":
            stage.ready(run)
    before = []
    for stage in order:
        state = staleness.state(stage)
        before.append(state)
        _bring_up_to_date(run, stage, state, staleness)
    return before


def run_one(run: Run, name: str) -> StageState:
    """Bring one stage up to date. Raises UserError where a stage that it reads is not."""
    order = stages(run.recipe)
    stage = next((stage for stage in order if stage.name == name), None)
    if stage is None and name == "gap":
        raise UserError("the recipe scores nothing; add `measure: {gap: {scorer: teacher}}` to it")
    if stage is None and name == "decontaminate":
        raise UserError(
            "the recipe names no evaluation sets; add to it: "
            "`decontaminate: {against: [{from: FILE, column: question}]}`"
        )
    if stage is None:
        raise UserError(
            f"this run has no stage {name}: its traces are {'imported' if name == 'generate' else 'generated'}"
        )
    staleness = Staleness(run, order)
    for maker in staleness.makers_of_inputs(stage):
        found = staleness.state(maker)
        if found.state != "done":
            raise UserError(
                f"{name} reads {maker.folders[0]}, which is {found.state} ({found.why[0]}); "
                f"first: infogap {maker.name} {run.path}"
            )
        staleness.refresh(maker)
    state = staleness.state(stage)
    _bring_up_to_date(run, stage, state, staleness)
    return state


def _bring_up_to_date(run: Run, stage: Stage, state: StageState, staleness: Staleness) -> None:
    if state.state == "done":
        staleness.refresh(stage)
        say(f"{stage.name:<9} up to date", style="dim")
        return
    if state.state == "stale":
        for reason in state.why:
            say(f"{stage.name:<9} again: {reason}", style="dim")
    run.manifest_path(stage.folders[0]).unlink(missing_ok=True)
    outcome = stage.make(run)
    staleness.record(stage, outcome)
    say(f"{stage.name:<9} {outcome.rows:,} rows", style="bold")
    for note in outcome.notes:
        say(f"          {note}", style="yellow")
