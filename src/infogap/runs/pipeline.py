"""Bring a run up to date: run the missing and stale stages in order, and say why they are stale."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import Literal

from infogap.bucket.stored_run import upload_now
from infogap.console import say, shortened
from infogap.errors import InputError, nearest
from infogap.recipe import Recipe
from infogap.runs.run_folder import Run
from infogap.runs.stage import Stage
from infogap.runs.stage_times import timed
from infogap.runs.staleness import StageState, Staleness
from infogap.schema import DERIVED, FURTHER_PARTS
from infogap.start_up import started

# Each has a STAGE; they run in this order.
_PACKAGES = (
    "infogap.tasks",
    "infogap.generate",
    "infogap.imports",
    "infogap.verify",
    "infogap.derive",
    "infogap.gap",
    "infogap.measure",
    "infogap.dedupe",
    "infogap.decontaminate",
    "infogap.balance",
    "infogap.publish",
    "infogap.report",
)
_MOST_REASONS = 20  # for which a stage runs again, as they are printed


@dataclass(frozen=True)
class StageUpdate:
    """A stage before and after a command.

    `was` and `why` are its state before: `done` means that it did not have to run. `notes` say what was skipped, why,
    and where to look. `shortfall` says by how much the result misses the recipe's target, None if it does not.
    """

    stage: str
    was: Literal["done", "stale", "partial", "missing"]
    why: list[str]
    rows: int
    notes: list[str] = field(default_factory=list)
    shortfall: str | None = None

    @property
    def made(self) -> bool:
        """True if the stage ran."""
        return self.was != "done"


def stages(recipe: Recipe) -> list[Stage]:
    """Return the recipe's stages, in the order in which they run."""
    present = [stage for stage in _all_stages() if not stage.absent(recipe)]
    inputs = {each.name: (*each.inputs, *each.inputs_by(recipe), *_derived(recipe, each)) for each in present}
    return [replace(stage, inputs=inputs[stage.name]) for stage in present]


def _derived(recipe: Recipe, stage: Stage) -> tuple[str, ...]:
    """Return the folder of derived traces, if there are any and the stage reads them."""
    reads = {*stage.inputs} & {*FURTHER_PARTS}
    return (DERIVED.name,) if recipe.derive and stage.sees_derived and reads else ()


def _all_stages() -> list[Stage]:
    return [import_module(package).STAGE for package in _PACKAGES]


def states(run: Run) -> list[StageState]:
    """Return every stage's state, in order."""
    order = stages(run.recipe)
    staleness = Staleness(run, order)
    return [staleness.state(stage) for stage in order]


def states_of_inputs(run: Run, name: str) -> list[StageState]:
    """Return the states of the stages whose tables a stage reads, in order."""
    order = stages(run.recipe)
    staleness = Staleness(run, order)
    (stage,) = (stage for stage in order if stage.name == name)
    return [staleness.state(maker) for maker in staleness.makers_of_inputs(stage)]


def states_of_tables(run: Run, tables: set[str]) -> list[StageState]:
    """Return the states of the stages that make these tables, in order."""
    order = stages(run.recipe)
    staleness = Staleness(run, order)
    return [staleness.state(stage) for stage in order if tables & {*stage.folders}]


def run_all(run: Run, reuse: Callable[[Stage, Staleness], None] | None = None) -> list[StageUpdate]:
    """Bring every stage up to date, in order. Stages that are up to date are left alone.

    Before the first stage runs, every stage that has to run checks that it can, so that the command fails before
    anything is generated. `reuse` is called before a stage that is not up to date; it can put another run's files in
    place.
    """
    known: Staleness | None = check_ready(run)
    updates: dict[str, StageUpdate] = {}
    while not _run_in_order(run, updates, reuse, known):
        known = None
    return list(updates.values())


def _run_in_order(
    run: Run,
    updates: dict[str, StageUpdate],
    reuse: Callable[[Stage, Staleness], None] | None,
    known: Staleness | None,
) -> bool:
    """Bring stage after stage up to date; return False if one asks an earlier stage for more instead of running.

    `updates` receives what was done, by stage; the states in it are those before the command. `known` are the states of
    stages that are all done, as they were found a moment ago.
    """
    order = stages(run.recipe)
    staleness = known or Staleness(run, order)
    for stage in order:  # a stage's state depends on what the stages before it have just made
        state = staleness.state(stage)
        if (state.state != "done" or state.shortfall) and stage.asks_for_more(run):
            return False
        if reuse is not None and state.state != "done":
            reuse(stage, staleness)
            staleness.forget()
        update = _bring_up_to_date(run, stage, staleness.state(stage), staleness)
        first = updates.get(stage.name)
        if first is not None and first.made:
            notes = update.notes if update.made else first.notes
            update = replace(update, was=first.was, why=first.why, notes=notes)
        updates[stage.name] = update
    return True


def check_ready(run: Run) -> Staleness | None:
    """Raise InputError or ExternalError if a stage that has to run could not; return the states if all are done."""
    order = stages(run.recipe)
    staleness = Staleness(run, order)
    if staleness.pulled is not None and run.recipe.balance.top_up is not None:
        raise staleness.pulled.refusal(["`balance.top_up` generates traces"])
    for stage in order:
        state = staleness.state(stage)
        if state.state != "done":
            staleness.check_not_fixed(stage, state)
            stage.ready(run)
    return staleness if all(staleness.state(stage).state == "done" for stage in order) else None


def run_one(run: Run, name: str) -> StageUpdate:
    """Bring one stage up to date.

    Raises InputError if there is no such stage, the recipe does not have it, or a stage that it reads is stale.
    """
    named = {stage.name: stage for stage in _all_stages()}
    if name not in named:
        raise InputError(f"there is no stage '{name}'{nearest(name, named)}; the stages are {', '.join(named)}")
    order = stages(run.recipe)
    if absent := named[name].absent(run.recipe):
        raise InputError(absent)
    stage = next(stage for stage in order if stage.name == name)
    staleness = Staleness(run, order)
    check_inputs(run, stage, staleness)
    for maker in staleness.makers_of_inputs(stage):
        staleness.refresh(maker)
    return _bring_up_to_date(run, stage, staleness.state(stage), staleness)


def already_done(run: Run, name: str) -> StageUpdate | None:
    """Return what `run_one` would if it had nothing to write, which takes no lock; None if it may have something."""
    order = stages(run.recipe)
    staleness = Staleness(run, order)
    stage = next((stage for stage in order if stage.name == name), None)
    if stage is None or any(
        staleness.state(each).state != "done" or staleness.needs_refresh(each)
        for each in (stage, *staleness.makers_of_inputs(stage))
    ):
        return None
    return _bring_up_to_date(run, stage, staleness.state(stage), staleness)


def check_inputs(run: Run, stage: Stage, staleness: Staleness) -> None:
    """Raise InputError if a table that a stage reads is not up to date."""
    for maker in staleness.makers_of_inputs(stage):
        input_state = staleness.state(maker)
        if input_state.state != "done":
            staleness.check_not_fixed(maker, input_state)
            raise InputError(
                f"{stage.name} reads {maker.folders[0]}, which is {input_state.state} ({input_state.why[0]}); "
                f"first: infogap {maker.name} {run.path}"
            )


def _bring_up_to_date(run: Run, stage: Stage, state: StageState, staleness: Staleness) -> StageUpdate:
    if state.state == "done":
        staleness.refresh(stage)
        gone = (
            "; its source is gone, and what was read from it is in the run" if staleness.source_is_gone(stage) else ""
        )
        say(f"{stage.name:<9} up to date{gone}", style="dim")
        return StageUpdate(stage.name, "done", [], state.rows or 0, shortfall=state.shortfall)
    staleness.check_not_fixed(stage, state)
    if state.state == "stale":
        for reason in shortened(state.why, _MOST_REASONS, f"infogap status {run.path} --json"):
            say(f"{stage.name:<9} again: {reason}", style="dim")
        staleness.set_damaged_aside(stage)
    run.manifest_path(stage.folders[0]).unlink(missing_ok=True)
    started()
    with timed(run, stage.name):
        outcome = stage.make(run if stage.sees_derived else replace(run, with_derived=False))
    staleness.record(stage, outcome)
    upload_now(run.path)
    say(f"{stage.name:<9} {outcome.rows:,} row{'' if outcome.rows == 1 else 's'}", style="bold")
    for note in outcome.notes:
        say(f"          {note}", style="yellow")
    return StageUpdate(stage.name, state.state, state.why, outcome.rows, outcome.notes, outcome.shortfall)
