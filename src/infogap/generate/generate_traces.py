"""Request from the teachers, round by round, the traces that are not on disk yet."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from dataclasses import replace
from shutil import rmtree

from infogap.generate.all_rounds import fill_rounds
from infogap.generate.answering_teacher import OneOpenTeacher
from infogap.generate.batch_records import BatchFolder
from infogap.generate.fill_round import stopped
from infogap.generate.generation_summary import summary
from infogap.generate.top_up_plan import forget_void_plan
from infogap.generate.trace_cache import drop_from_cache
from infogap.generate.trace_store import failed_teachers, failures, keep_rounds, move_to_cache
from infogap.interrupts import run_stoppable
from infogap.runs.run_folder import Run
from infogap.runs.stage import Outcome
from infogap.schema import NOTES, SHOWN_NOTES, TRACES


def generate_traces(run: Run) -> Outcome:
    """Write the traces, their contexts and notes. Raises StoppedError if the command ends before all are there."""
    generate = run.recipe.generate
    assert generate is not None
    folder = run.path / TRACES.name
    dropped = forget_void_plan(run)
    _forget_if_only_failures(run)
    tags = Counter[str]()
    notes = run.path / NOTES.name
    with closing(OneOpenTeacher(run.resolve)) as opened:
        filled = run_stoppable(
            lambda stop: fill_rounds(run, generate, opened, stop, tags), lambda: stopped(folder, "as asked")
        )
    moved = keep_rounds(folder, filled.rounds)
    if generate.shows_notes:
        keep_rounds(notes, filled.waves)
    elif notes.is_dir():
        move_to_cache(notes)
        rmtree(run.path / SHOWN_NOTES.name, ignore_errors=True)
    drop_from_cache(folder, [notes])
    drop_from_cache(notes)
    outcome = summary(run, filled, tags)
    if dropped is None and moved:
        dropped = f"{moved:,} traces of later rounds that this recipe does not need are kept in the cache"
    return outcome if dropped is None else replace(outcome, notes=[dropped, *outcome.notes])


def _forget_if_only_failures(run: Run) -> None:
    """Start over if every request to a teacher has failed so far: sending them again loses nothing."""
    for folder in (run.path / TRACES.name, run.path / NOTES.name):
        if failed_teachers(folder):
            BatchFolder(run.path).forgive()
            move_to_cache(folder)


def forget_failed(run: Run) -> int:
    """Forget failed requests, so that the next generate sends them again; return their number."""
    failed = 0
    for folder in (run.path / TRACES.name, run.path / NOTES.name):
        if count := failures(folder):
            BatchFolder(run.path).forgive()
            move_to_cache(folder)
        failed += count
    return failed
