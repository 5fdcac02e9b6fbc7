"""Watch a run from another process, without a lock: its stages, the process that works on it, and its pace."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from infogap.bucket.addresses import is_address
from infogap.bucket.stored_run import local_folder
from infogap.generate.batch_records import BatchFolder
from infogap.generate.batch_waiting import in_flight_in_words
from infogap.generate.throughput import Pace, PaceReader, progress_by_teacher
from infogap.runs.pipeline import stages, states
from infogap.runs.run_folder import Run
from infogap.runs.staleness import StageState
from infogap.schema import TRACES

_TRIES = 5
_FETCH_EVERY = 15.0  # seconds, of a run in a bucket


@dataclass(frozen=True)
class Look:
    """The state of a run at one moment."""

    states: list[StageState]
    holder: int | None  # the process that has the run locked
    under_way: str | None  # the stage that this process is running
    pace: Pace | None  # of generation, unless it is done
    silent: float | None  # seconds since the last response, or since the holder began; None with batches in flight
    in_rounds: bool  # later rounds may plan more requests

    @property
    def done(self) -> bool:
        """True if every stage is done."""
        return all(state.state == "done" for state in self.states)


class Watcher:
    """Looks at a run repeatedly; works out the stages' states only if a manifest has changed."""

    def __init__(self, folder: Path) -> None:
        """Open the run. Raises InputError if the folder is not one."""
        self._run = Run.open(folder)
        self._address = folder if is_address(folder) else None
        self._fetched = time.monotonic()
        self._pace = PaceReader(self._run.path / TRACES.name)
        self._versions: list[tuple[int, int] | None] = []
        self._states: list[StageState] = []

    def look(self) -> Look:
        """Return the run at this moment; one in a bucket, as it was at most some seconds ago."""
        if self._address is not None and time.monotonic() - self._fetched > _FETCH_EVERY:
            local_folder(self._address)
            self._fetched = time.monotonic()
        versions = self._manifest_versions()
        if versions != self._versions:
            self._run = Run.open(self._run.path)
            self._states = current_states(self._run)
            self._versions = versions
        pace, current = self._pace.read(), self._states
        generating = any(state.stage == "generate" and state.state in ("partial", "missing") for state in current)
        pace = pace if generating else None
        if pace is not None:
            current = [_partial(state, pace, self._run) if state.stage == "generate" else state for state in current]
        held = holder(self._run.path)
        under_way = next((state.stage for state in current if state.state != "done"), None) if held else None
        batches = BatchFolder(self._run.path).in_flight() if pace else []  # hours of silence are no cause for alarm
        silent = _silence(self._run.path, pace, held) if pace and not batches else None
        generate = self._run.recipe.generate
        return Look(current, held, under_way, pace, silent, generate is not None and generate.in_rounds)

    def _manifest_versions(self) -> list[tuple[int, int] | None]:
        """Return the versions of the files that change with the recipe or a stage's state."""
        manifests = [self._run.manifest_path(stage.folders[0]) for stage in stages(self._run.recipe)]
        return [_version(path) for path in (self._run.path / "recipe.yaml", *manifests)]


def current_states(run: Run) -> list[StageState]:
    """Return every stage's state, even while another process replaces the files that record it."""
    for _ in range(_TRIES):
        try:
            return states(run)
        except FileNotFoundError:
            time.sleep(0.05)
    return states(run)


def holder(folder: Path) -> int | None:
    """Return the id of the process that has a run locked, if it runs on this machine."""
    try:
        process = int((folder / ".lock.owner").read_text())
        os.kill(process, 0)
    except PermissionError:
        return process  # another user's
    except (OSError, ValueError):
        return None  # no process, or one that was killed
    return process


def _partial(state: StageState, pace: Pace, run: Run) -> StageState:
    in_flight = in_flight_in_words(BatchFolder(run.path))
    why = [
        f"{pace.answered:,} of {pace.total:,} requests are answered{progress_by_teacher(pace.teachers)}"
        f"{f'; {in_flight}' if in_flight else ''}"
    ]
    return replace(state, state="partial", why=why, rows=pace.answered)


def _silence(folder: Path, pace: Pace, held: int | None) -> float | None:
    """Return the seconds since the last response, or since the process that resumed the run began, if later."""
    since = pace.last_answer
    if held is not None:
        with suppress(FileNotFoundError):  # it has just ended
            since = max(since or 0.0, (folder / ".lock.owner").stat().st_mtime)
    return None if since is None else max(time.time() - since, 0.0)


def _version(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns
