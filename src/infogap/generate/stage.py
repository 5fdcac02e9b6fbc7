"""The generate stage: request from the teachers, round by round, the traces that are not on disk yet."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from dataclasses import replace
from shutil import rmtree
from typing import Any

from infogap.generate.generate_settings import generate_settings
from infogap.generate.top_up_plan import TopUpPlan, forget_void_plan
from infogap.generate.trace_cache import drop_from_cache
from infogap.generate.trace_store import answered, failed_teachers, failures, keep_rounds, move_to_cache
from infogap.interrupts import run_stoppable
from infogap.recipe import Recipe
from infogap.runs.run_folder import Run
from infogap.runs.stage import Outcome, Stage
from infogap.schema import CONTEXTS, NOTES, SHOWN_NOTES, TOKENS, TRACES


def _part(run: Run) -> dict[str, Any]:
    """Return what determines the traces: the settings, and the samples that a top-up adds for mixes that were short."""
    rounds = TopUpPlan.read(run).rounds_to_fill
    top_up = {"top_up": [each.as_part() for each in rounds]} if rounds else {}
    return generate_settings(run) | top_up


def _make(run: Run) -> Outcome:
    from infogap.generate.all_rounds import fill_rounds
    from infogap.generate.answering_teacher import OneOpenTeacher
    from infogap.generate.fill_round import stopped
    from infogap.generate.generation_summary import summary

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
    from infogap.generate.batch_records import BatchFolder

    for folder in (run.path / TRACES.name, run.path / NOTES.name):
        if failed_teachers(folder):
            BatchFolder(run.path).forgive()
            move_to_cache(folder)


def forget_failed(run: Run) -> int:
    """Forget failed requests, so that the next generate sends them again; return their number."""
    from infogap.generate.batch_records import BatchFolder

    failed = 0
    for folder in (run.path / TRACES.name, run.path / NOTES.name):
        if count := failures(folder):
            BatchFolder(run.path).forgive()
            move_to_cache(folder)
        failed += count
    return failed


def _begun(run: Run) -> tuple[int, str] | None:
    """Return the number of answered requests and a sentence on the progress; None if nothing was begun."""
    folder = run.path / TRACES.name
    progress_on_disk = answered(folder)
    if progress_on_disk is None:
        return None
    from infogap.generate.batch_records import BatchFolder
    from infogap.generate.batch_waiting import in_flight_in_words
    from infogap.generate.throughput import PaceReader, progress_by_teacher

    done, total = map(sum, zip(progress_on_disk, answered(run.path / NOTES.name) or (0, 0), strict=True))
    pace = PaceReader(folder).read() if run.recipe.teachers else None
    in_flight = in_flight_in_words(BatchFolder(run.path))
    return done, (
        f"{done:,} of {total:,} requests are answered{progress_by_teacher(pace.teachers) if pace else ''}"
        f"{f'; {in_flight}' if in_flight else ''}"
    )


def _absent(recipe: Recipe) -> str:
    return "this run has no generate stage: its traces are imported" if recipe.imports else ""


STAGE = Stage(
    "generate",
    (TRACES.name, CONTEXTS.name, TOKENS.name, NOTES.name, SHOWN_NOTES.name),
    ("tasks",),
    1,
    _part,
    _make,
    absent=_absent,
    begun=_begun,
    sees_derived=False,
)
