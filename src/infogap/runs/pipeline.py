"""The stages in their order, and how a run is brought up to date."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import Literal

from infogap.console import say
from infogap.errors import UserError
from infogap.recipe import Recipe
from infogap.runs.run_folder import Run
from infogap.runs.stage import Stage
from infogap.runs.staleness import StageState, Staleness
from infogap.spelling import nearest

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


@dataclass(frozen=True)
class StageUpdate:
    """What a stage was before a command, and what it has now.

    `was` and `why` are its state before: `done` means that nothing had to be made. `notes` say what was skipped, why,
    and where to look. `shortfall` says by how much the result misses the recipe's target, None where it does not.
    """

    stage: str
    was: Literal["done", "stale", "partial", "missing"]
    why: list[str]
    rows: int
    notes: list[str] = field(default_factory=list)
    shortfall: str | None = None

    @property
    def made(self) -> bool:
        """Whether the stage ran."""
        return self.was != "done"


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


def run_all(run: Run) -> list[StageUpdate]:
    """Bring every stage up to date, in order. Stages that are up to date are left alone.

    Before the first stage runs, every stage that has to run checks that it can: a stage that could not run stops the
    command before anything is generated.
    """
    order = stages(run.recipe)
    staleness = Staleness(run, order)
    for stage in order:
        if staleness.state(stage).state != "done":
            stage.ready(run)
    # One after the other: a stage's state depends on what the stages before it have just made.
    return [_bring_up_to_date(run, stage, staleness.state(stage), staleness) for stage in order]


def run_one(run: Run, name: str) -> StageUpdate:
    """Bring one stage up to date. Raises UserError if a stage that it reads is not, or if there is no such stage."""
    if name not in _MODULES:
        raise UserError(f"there is no stage '{name}'{nearest(name, _MODULES)}; the stages are {', '.join(_MODULES)}")
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
    return _bring_up_to_date(run, stage, staleness.state(stage), staleness)


def _bring_up_to_date(run: Run, stage: Stage, state: StageState, staleness: Staleness) -> StageUpdate:
    if state.state == "done":
        staleness.refresh(stage)
        say(f"{stage.name:<9} up to date", style="dim")
        return StageUpdate(stage.name, "done", [], state.rows or 0, shortfall=state.shortfall)
    if state.state == "stale":
        for reason in state.why:
            say(f"{stage.name:<9} again: {reason}", style="dim")
    run.manifest_path(stage.folders[0]).unlink(missing_ok=True)
    outcome = stage.make(run)
    staleness.record(stage, outcome)
    say(f"{stage.name:<9} {outcome.rows:,} rows", style="bold")
    for note in outcome.notes:
        say(f"          {note}", style="yellow")
    return StageUpdate(stage.name, state.state, state.why, outcome.rows, outcome.notes, outcome.shortfall)
