"""Bring a run up to date: the stages in their order, which of them still hold, and what is made again."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from infogap.console import say
from infogap.errors import UserError
from infogap.ids import digest
from infogap.recipe import Recipe
from infogap.runs import manifest
from infogap.runs.manifest import Manifest
from infogap.runs.run_folder import Run
from infogap.runs.stage import Outcome, Stage


@dataclass(frozen=True)
class StageState:
    """Whether a stage's files are what the recipe asks for; `why` says what is not."""

    stage: str
    state: Literal["done", "stale", "partial", "missing"]
    why: list[str] = field(default_factory=list)
    rows: int | None = None
    shortfall: str | None = None


class Staleness:
    """Compares the stages of a run with what is on disk."""

    def __init__(self, run: Run, stages: list[Stage]) -> None:
        self._run = run
        self._stages = stages
        self._parts: dict[str, dict[str, Any]] = {}

    @cached_property
    def _makers(self) -> dict[str, Stage]:
        return {folder: stage for stage in self._stages for folder in stage.folders}

    def state(self, stage: Stage) -> StageState:
        """A stage's state; it is stale too where a stage that it reads is."""
        found = self._run.manifest(stage.folders[0])
        if found is None:
            return self._unfinished(stage)
        why = self._why_stale(stage, found)
        state: Literal["done", "stale"] = "stale" if why else "done"
        return StageState(stage.name, state, why, found.rows, found.counts.get("shortfall"))

    def makers_of_inputs(self, stage: Stage) -> list[Stage]:
        """The stages whose tables a stage reads, in the pipeline's order."""
        made_by = {self._makers[folder].name for folder in stage.inputs if folder in self._makers}
        return [maker for maker in self._stages if maker.name in made_by]

    def record(self, stage: Stage, outcome: Outcome) -> None:
        """Write the manifest of a stage that has just been made."""
        counts = outcome.counts | ({"shortfall": outcome.shortfall} if outcome.shortfall else {})
        manifest.write(
            self._run.manifest_path(stage.folders[0]),
            Manifest(
                stage=stage.name,
                version=stage.version,
                fingerprint=self._fingerprint(stage),
                part=self._part(stage),
                inputs=self._input_contents(stage),
                rows=outcome.rows,
                counts=counts,
                files=manifest.describe_files(self._run.path, self._files(stage)),
            ),
        )

    def refresh(self, stage: Stage) -> None:
        """Bring a manifest's fingerprint up to date where an earlier stage's setting changed without effect.

        So that manifests, and what is published of them, depend on the recipe and not on the run's history.
        """
        path = self._run.manifest_path(stage.folders[0])
        found = manifest.read(path)
        if found is not None and found.fingerprint != self._fingerprint(stage):
            manifest.write(path, replace(found, fingerprint=self._fingerprint(stage)))

    def _unfinished(self, stage: Stage) -> StageState:
        begun = stage.begun(self._run)
        if begun is not None:
            rows, why = begun
            return StageState(stage.name, "partial", [why], rows)
        return StageState(stage.name, "missing", ["not made yet"])

    def _why_stale(self, stage: Stage, found: Manifest) -> list[str]:
        why = []
        if found.version != stage.version:
            why.append("this version of infogap makes it otherwise")
        why += manifest.changes(found.part, self._part(stage))
        contents = self._input_contents(stage)
        for maker in self.makers_of_inputs(stage):
            if self.state(maker).state != "done":
                why.append(f"{maker.folders[0]} is not up to date")
            elif found.inputs.get(maker.folders[0]) != contents[maker.folders[0]]:
                why.append(f"{maker.folders[0]} has changed")
        for path, entry in found.files.items():
            file = self._run.path / path
            if not file.is_file():
                why.append(f"{path} is gone")
            elif file.stat().st_size != entry["bytes"]:
                why.append(f"{path} has another size")
        return why

    def _part(self, stage: Stage) -> dict[str, Any]:
        if stage.name not in self._parts:
            self._parts[stage.name] = stage.part(self._run)
        return self._parts[stage.name]

    def _fingerprint(self, stage: Stage) -> str:
        """What the stage's result is determined by, all the way back to the recipe and the source files."""
        inputs = {maker.name: self._fingerprint(maker) for maker in self.makers_of_inputs(stage)}
        return digest({"stage": stage.name, "version": stage.version, "part": self._part(stage), "inputs": inputs})

    def _input_contents(self, stage: Stage) -> dict[str, str]:
        """What is on disk of each input: by it a stage notices a table that was made again differently."""
        contents = {}
        for maker in self.makers_of_inputs(stage):
            found = self._run.manifest(maker.folders[0])
            contents[maker.folders[0]] = found.content if found else ""
        return contents

    def _files(self, stage: Stage) -> list[Path]:
        """What the stage has written. What it keeps for itself (caches, damaged parts) is no part of its result."""
        found = [path for folder in stage.folders for path in (self._run.path / folder).rglob("*") if path.is_file()]
        return [
            path
            for path in found
            if path.name != manifest.FILE_NAME
            and not path.name.startswith((".", "damaged-"))
            and "cache" not in path.relative_to(self._run.path).parts
        ]


# In the order in which they run: each package holds a STAGE.
_PACKAGES = (
    "infogap.tasks",
    "infogap.generate",
    "infogap.imports",
    "infogap.verify",
    "infogap.gap",
    "infogap.measure",
    "infogap.dedupe",
    "infogap.decontaminate",
    "infogap.balance",
    "infogap.publish",
    "infogap.report",
)


def stages(recipe: Recipe) -> list[Stage]:
    """The recipe's stages, in the order in which they run."""
    present = [stage for stage in _all_stages() if not stage.absent(recipe)]
    return [replace(stage, inputs=(*stage.inputs, *stage.inputs_by(recipe))) for stage in present]


def _all_stages() -> list[Stage]:
    return [import_module(package).STAGE for package in _PACKAGES]


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
    if absent := next(stage for stage in _all_stages() if stage.name == name).absent(run.recipe):
        raise UserError(absent)
    stage = next(stage for stage in order if stage.name == name)
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
