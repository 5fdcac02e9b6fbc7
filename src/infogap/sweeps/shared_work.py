"""Share work among the runs of a sweep, so that nothing is generated, scored or measured twice.

A stage whose result another run already holds takes its files. Generation takes the traces of requests that another run
has sent, through the cache; scoring takes the texts that another run has scored, and a judge votes that it has given.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

from infogap.atomic_files import disk_error
from infogap.console import say
from infogap.errors import InputError
from infogap.gap.score_cache import FOLDER as CACHE
from infogap.gap.score_traces import borrow_scores
from infogap.generate.batch_records import lend_records
from infogap.generate.trace_cache import drop_from_cache
from infogap.generate.trace_store import lend_traces, move_to_cache
from infogap.ids import stable_id
from infogap.runs import manifest
from infogap.runs.checked_files import CheckedFiles
from infogap.runs.manifest import Manifest
from infogap.runs.pipeline import StageUpdate, run_all, stages
from infogap.runs.run_folder import Run
from infogap.runs.stage import Stage
from infogap.runs.staleness import Staleness
from infogap.schema import NOTES, TRACES
from infogap.verify.judging.vote_journal import borrow_votes

_JUDGED = ("generate", "verify")  # stages that a judge's votes may decide, in rounds or of all traces


def bring_up_to_date(run: Run, others: list[Run]) -> list[StageUpdate]:
    """Bring a run up to date, reusing what other runs have made. Raises what `run_all` raises."""

    def reuse(stage: Stage, staleness: Staleness) -> None:
        for other in others:
            made = other.manifest(stage.folders[0])
            if made is not None and staleness.fits(stage, made) and _is_whole(other, made):
                say(f"{stage.name:<9} as in {other.path.name}", style="dim")
                _take_files(run, stage, other, made)
                return
        if stage.name in _JUDGED and run.recipe.verify is not None and run.recipe.verify.judge is not None:
            borrow_votes(run, others)
        if stage.name == "generate":
            _borrow_traces(run, others)
        elif stage.name == "gap":
            borrow_scores(run, others)

    try:
        return run_all(run, reuse)
    finally:
        if run.manifest(TRACES.name) is not None:  # traces borrowed in vain are still where they came from
            others_tables = [other.path / table.name for other in others for table in (TRACES, NOTES)]
            drop_from_cache(run.path / TRACES.name, others_tables)


def runs_in(folder: Path, without: Collection[str] = ()) -> list[Run]:
    """Return the runs in a folder, sorted by name, except those named in `without`."""
    return [run for path in sorted(folder.iterdir()) if path.name not in without for run in _opened(path)]


def _opened(path: Path) -> Iterator[Run]:
    try:
        yield Run.open(path)
    except InputError:  # not a run, or one whose recipe this version cannot read
        return


def _is_whole(run: Run, made: Manifest) -> bool:
    """Return whether the files of a manifest exist, with the content that it records."""
    checked = CheckedFiles(run.path)
    return all(
        (run.path / path).is_file() and checked.digest(path) == entry["sha256"] for path, entry in made.files.items()
    )


def _take_files(run: Run, stage: Stage, other: Run, made: Manifest) -> None:
    """Replace a run's files of a stage with another run's, the manifest last, so that a kill leaves no false one."""
    run.manifest_path(stage.folders[0]).unlink(missing_ok=True)
    for table in (TRACES, NOTES) if stage.name == "generate" else ():
        if (run.path / table.name).is_dir():
            move_to_cache(run.path / table.name)
    for folder in stage.folders:
        for path in sorted((run.path / folder).rglob("*")):
            if path.is_file() and CACHE not in path.relative_to(run.path).parts:
                path.unlink()
    for name in made.files:
        _link(other.path / name, run.path / name)
    manifest.write(run.manifest_path(stage.folders[0]), made)


def _link(source: Path, target: Path) -> None:
    """Link a table, which infogap replaces but never changes; copy other files, which people may edit in place."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.suffix == ".parquet":
            with suppress(OSError):  # a file system without hard links
                os.link(source, target)
        if not target.exists():
            shutil.copyfile(source, target)
    except OSError as error:
        raise disk_error(target, error) from error


def _borrow_traces(run: Run, others: list[Run]) -> None:
    """Add to a run's cache the traces of runs that may have sent its requests, those of equal folders once."""
    wanted, lent = _request_keys(run), set[str]()
    for other in others:
        folder, made = other.path / TRACES.name, other.manifest(TRACES.name)
        cached = sorted(path.name for path in (folder / "cache").glob("*.parquet"))  # named by what they hold
        content = stable_id(made.content if made is not None else str(folder), cached)
        if content not in lent and folder.is_dir() and _request_keys(other) & wanted:
            lend_traces(folder, run.path / TRACES.name)
            lend_traces(other.path / NOTES.name, run.path / TRACES.name)
            lend_records(other.path, run.path)
            lent.add(content)


def _request_keys(run: Run) -> frozenset[str]:
    """Return, per teacher, a digest of what the ids of requests depend on: the model, its sampling and the seed."""
    for stage in stages(run.recipe):
        if stage.name == "generate":
            part = stage.part(run)
            teachers = part["teachers"] if "teachers" in part else [part["teacher"]]
            return frozenset(stable_id(teacher, part["seed"]) for teacher in teachers)
    return frozenset()
