"""The generate stage: asks the teachers, round by round, for the traces that are not on disk yet."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from dataclasses import replace
from typing import Any

from infogap.generate.all_rounds import fill_rounds
from infogap.generate.answering_teacher import OneOpenTeacher
from infogap.generate.fill_round import stopped
from infogap.generate.generate_settings import generate_settings
from infogap.generate.generation_summary import summary
from infogap.generate.throughput import PaceReader, in_brackets
from infogap.generate.top_up_plan import TopUpPlan, forget_void_plan
from infogap.generate.trace_cache import drop_from_cache
from infogap.generate.trace_store import answered, failures, keep_rounds, move_to_cache, nothing_but_failures
from infogap.interrupts import stopping
from infogap.recipe import Recipe
from infogap.runs.run_folder import Run
from infogap.runs.stage import Outcome, Stage
from infogap.schema import CONTEXTS, TOKENS, TRACES


def _part(run: Run) -> dict[str, Any]:
    """What determines the traces: the settings, and what a mix that was short has asked for."""
    asked = TopUpPlan.read(run).asked
    top_up = {"top_up": [each.as_part() for each in asked]} if asked else {}
    return generate_settings(run) | top_up


def _make(run: Run) -> Outcome:
    generate = run.recipe.generate
    assert generate is not None
    folder = run.path / TRACES.name
    dropped = forget_void_plan(run)
    _forget_if_nothing_but_failures(run)
    with closing(OneOpenTeacher(run.resolve)) as opened:
        stop, tags = None, Counter[str]()
        try:
            with stopping() as stop:
                plan, rounds = fill_rounds(run, generate, opened, stop, tags)
        except KeyboardInterrupt:
            if stop is not None and stop.overdue:
                raise stopped(folder, "as asked") from None
            raise
    if stop.at_once:  # the interrupt was lost where Python lets none out: in the closing of a generator
        raise KeyboardInterrupt
    if stop.asked:  # all was in flight already: the rest of the run is not what was asked for
        raise stopped(folder, "as asked")
    moved = keep_rounds(folder, rounds)
    drop_from_cache(folder)
    outcome = summary(run, plan, rounds, tags)
    if dropped is None and moved:
        dropped = f"{moved:,} traces of later rounds, which this recipe does not ask for, are kept in the cache"
    return outcome if dropped is None else replace(outcome, notes=[dropped, *outcome.notes])


def _forget_if_nothing_but_failures(run: Run) -> None:
    """Start over where every request to a teacher has failed so far: nothing is lost by sending them again."""
    folder = run.path / TRACES.name
    if nothing_but_failures(folder):
        move_to_cache(folder)


def forget_failed(run: Run) -> int:
    """Forget failed requests, so that the next generate sends them again; returns how many there are."""
    failed = failures(run.path / TRACES.name)
    if failed:
        move_to_cache(run.path / TRACES.name)
    return failed


def _begun(run: Run) -> tuple[int, str] | None:
    """Requests answered on disk, and of how many that are planned so far; None where nothing was begun."""
    folder = run.path / TRACES.name
    progress_on_disk = answered(folder)
    if progress_on_disk is None:
        return None
    done, total = progress_on_disk
    pace = PaceReader(folder).read() if run.recipe.teachers else None
    return done, f"{done:,} of {total:,} requests are answered{in_brackets(pace.teachers) if pace else ''}"


def _absent(recipe: Recipe) -> str:
    return "this run has no stage generate: its traces are imported" if recipe.imports else ""


STAGE = Stage(
    "generate", (TRACES.name, CONTEXTS.name, TOKENS.name), ("tasks",), 1, _part, _make, absent=_absent, begun=_begun
)
