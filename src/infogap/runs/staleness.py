"""Compare a run's stages with its files: which are done, stale, partial or missing, and why."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from infogap.console import say
from infogap.errors import ExternalError
from infogap.ids import digest
from infogap.runs import manifest
from infogap.runs.checked_files import CheckedFiles
from infogap.runs.manifest import Manifest
from infogap.runs.pulled_run import FIXED_STAGES, PulledFrom
from infogap.runs.run_folder import Run, check_part
from infogap.runs.stage import Outcome, Stage


@dataclass(frozen=True)
class StageState:
    """A stage's state: `done` if its files are what the recipe asks for; otherwise `why` lists the reasons."""

    stage: str
    state: Literal["done", "stale", "partial", "missing"]
    why: list[str] = field(default_factory=list)
    rows: int | None = None
    shortfall: str | None = None


class Staleness:
    """Compares the stages of a run with its files."""

    def __init__(self, run: Run, stages: list[Stage]) -> None:
        self._run = run
        self._stages = stages
        self._parts: dict[str, dict[str, Any]] = {}
        self._gone: set[str] = set()
        self._states: dict[str, StageState] = {}  # kept, as a stage's state asks for those of all before it
        self._checked = CheckedFiles(run.path)
        self.pulled = PulledFrom.of(run)

    @cached_property
    def _makers(self) -> dict[str, Stage]:
        return {folder: stage for stage in self._stages for folder in stage.folders}

    def state(self, stage: Stage) -> StageState:
        """Return a stage's state; it is stale too if a stage that it reads is."""
        if stage.name not in self._states:
            self._states[stage.name] = self._state(stage)
        return self._states[stage.name]

    def _state(self, stage: Stage) -> StageState:
        made = self._run.manifest(stage.folders[0])
        if made is None:
            return self._unfinished(stage)
        why = self._why_stale(stage, made)
        state: Literal["done", "stale"] = "stale" if why else "done"
        return StageState(stage.name, state, why, made.rows, made.counts.get("shortfall"))

    def forget(self) -> None:
        """Look at every stage again: files have changed since its state was asked for."""
        self._states.clear()

    def fits(self, stage: Stage, made: Manifest) -> bool:
        """Return True if another run's manifest describes exactly the files that the stage would make here now."""
        if made.version != stage.version or manifest.changes(made.part, self._part(stage)):
            return False
        inputs_done = all(self.state(maker).state == "done" for maker in self.makers_of_inputs(stage))
        return inputs_done and made.inputs == self._input_contents(stage)

    def check_not_fixed(self, stage: Stage, state: StageState) -> None:
        """Raise InputError for a stage that would have to run, in a pulled run, on what was not published."""
        if self.pulled is not None and stage.name in FIXED_STAGES:
            raise self.pulled.refusal(state.why)

    def _fixed(self, stage: Stage) -> Manifest | None:
        """Return the manifest of a stage whose tables were pulled: it is not compared with the recipe's sources."""
        fixed = self.pulled is not None and stage.name in FIXED_STAGES
        return self._run.manifest(stage.folders[0]) if fixed else None

    def makers_of_inputs(self, stage: Stage) -> list[Stage]:
        """Return the stages whose tables a stage reads, in the pipeline's order."""
        made_by = {self._makers[folder].name for folder in stage.inputs if folder in self._makers}
        return [maker for maker in self._stages if maker.name in made_by]

    def record(self, stage: Stage, outcome: Outcome) -> None:
        """Write the manifest of a stage that has just run."""
        counts = outcome.counts | ({"shortfall": outcome.shortfall} if outcome.shortfall else {})
        files = manifest.describe_files(self._run.path, self._files(stage))
        made = Manifest(
            stage=stage.name,
            version=stage.version,
            fingerprint=self._fingerprint(stage),
            part=self._part(stage),
            inputs=self._input_contents(stage),
            rows=outcome.rows,
            counts=counts,
            files=files,
        )
        self._write(stage, made)
        self._checked.note(files)
        self._checked.save()

    def refresh(self, stage: Stage) -> None:
        """Update a manifest's fingerprint after a change of an earlier stage's settings that had no effect.

        Thus manifests, and the published parts of them, depend on the recipe and not on the run's history.
        """
        made = self._run.manifest(stage.folders[0])
        if made is not None and self.needs_refresh(stage):
            self._write(stage, replace(made, fingerprint=self._fingerprint(stage)))

    def needs_refresh(self, stage: Stage) -> bool:
        """Whether a stage's manifest has another fingerprint than it would get now."""
        made = self._run.manifest(stage.folders[0])
        return made is not None and made.fingerprint != self._fingerprint(stage)

    def _write(self, stage: Stage, made: Manifest) -> None:
        manifest.write(self._run.manifest_path(stage.folders[0]), made)
        self.forget()
        names = [each.name for each in self._stages]
        for later in names[names.index(stage.name) + 1 :]:  # whose parts can depend on this manifest
            self._parts.pop(later, None)

    def _unfinished(self, stage: Stage) -> StageState:
        begun = stage.begun(self._run)
        if begun is not None:
            rows, why = begun
            return StageState(stage.name, "partial", [why], rows)
        return StageState(stage.name, "missing", ["not run yet"])

    def _why_stale(self, stage: Stage, made: Manifest) -> list[str]:
        fixed = self._fixed(stage)
        if fixed is not None and self.pulled is not None:
            return [*self.pulled.changed(self._run.recipe), *self._changed_files(fixed)]
        why = []
        if made.version != stage.version:
            why.append("this version of infogap computes it differently")
        why += manifest.changes(made.part, self._part(stage))
        contents = self._input_contents(stage)
        for maker in self.makers_of_inputs(stage):
            if self.state(maker).state != "done":
                why.append(f"{maker.folders[0]} is not up to date")
            elif made.inputs.get(maker.folders[0]) != contents[maker.folders[0]]:
                why.append(f"{maker.folders[0]} has changed")
        return why + self._changed_files(made)

    def _changed_files(self, made: Manifest) -> list[str]:
        why = []
        for path, entry in made.files.items():
            file = self._run.path / path
            if not file.is_file():
                why.append(f"{path} is missing")
            elif file.stat().st_size != entry["bytes"]:
                why.append(f"{path} has a different size")
            elif self._checked.digest(path) != entry["sha256"]:
                why.append(f"{path} has other content than when it was written")
        self._checked.save()
        return why

    def damaged(self, folders: tuple[str, ...]) -> tuple[Stage, str] | None:
        """Return the first stage whose files in some folders are not as it wrote them, and what is wrong with them."""
        for stage in self._stages:
            made = self._run.manifest(stage.folders[0]) if stage.folders[0] in folders else None
            if made is not None and (wrong := self._changed_files(made)):
                return stage, wrong[0]
        return None

    def set_damaged_aside(self, stage: Stage) -> None:
        """Rename the Parquet files of a stage that are not as it wrote them, so that it does not take them for its own.

        A file that cannot be read is left to the stage, which says so.
        """
        made = self._run.manifest(stage.folders[0])
        for path, entry in (made.files if made is not None else {}).items():
            file = self._run.path / path
            if file.suffix == ".parquet" and file.is_file() and self._checked.digest(path) != entry["sha256"]:
                with suppress(ExternalError):
                    check_part(file)
                    file.rename(file.with_name(f"damaged-{file.name}"))
                    say(f"{file} is not as it was written; it is set aside as damaged-{file.name}", style="yellow")

    def has_read(self, stage: Stage) -> bool:
        """Whether the stage has run with the settings and files that the recipe names, as far as these are there."""
        made = self._run.manifest(stage.folders[0])
        return made is not None and not manifest.changes(made.part, self._part(stage))

    def source_is_gone(self, stage: Stage) -> bool:
        """Whether the stage has read a file that is not there any more."""
        self._part(stage)
        return stage.name in self._gone

    def _part(self, stage: Stage) -> dict[str, Any]:
        if stage.name not in self._parts:
            made = self._run.manifest(stage.folders[0])
            fixed = self._fixed(stage)
            now = stage.part(self._run) if fixed is None else fixed.part
            part = now if made is None else manifest.with_known_digests(now, made.part)
            self._parts[stage.name] = part
            self._gone = self._gone | {stage.name} if part != now else self._gone - {stage.name}
        return self._parts[stage.name]

    def _fingerprint(self, stage: Stage) -> str:
        """Return a digest of everything that determines the stage's result, back to the recipe and source files."""
        if fixed := self._fixed(stage):
            return fixed.fingerprint
        inputs = {maker.name: self._fingerprint(maker) for maker in self.makers_of_inputs(stage)}
        part = manifest.one_digest(self._part(stage))
        return digest({"stage": stage.name, "version": stage.version, "part": part, "inputs": inputs})

    def _input_contents(self, stage: Stage) -> dict[str, str]:
        """Return the digest of each input's files, by which a stage notices that a table has changed."""
        contents = {}
        for maker in self.makers_of_inputs(stage):
            made = self._run.manifest(maker.folders[0])
            contents[maker.folders[0]] = made.content if made else ""
        return contents

    def _files(self, stage: Stage) -> list[Path]:
        """Return the files that the stage wrote, without caches and damaged parts, which are not part of its result."""
        files = [path for folder in stage.folders for path in (self._run.path / folder).rglob("*") if path.is_file()]
        return [
            path
            for path in files
            if path.name != manifest.FILE_NAME
            and not path.name.startswith((".", "damaged-"))
            and "cache" not in path.relative_to(self._run.path).parts
        ]
