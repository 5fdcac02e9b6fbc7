"""The stage `generate`: what its traces depend on. `generate_traces.py` makes them."""

from __future__ import annotations

from typing import Any

from infogap.generate.generate_settings import generate_settings
from infogap.generate.top_up_plan import TopUpPlan
from infogap.recipe import Recipe
from infogap.runs.run_folder import Run
from infogap.runs.stage import Outcome, Stage
from infogap.schema import CONTEXTS, NOTES, SHOWN_NOTES, TOKENS, TRACES


def _part(run: Run) -> dict[str, Any]:
    """Return what determines the traces: the settings, and the samples that a top-up adds for mixes that were short."""
    rounds = TopUpPlan.read(run).rounds_to_fill
    top_up = {"top_up": [each.as_part() for each in rounds]} if rounds else {}
    return generate_settings(run) | top_up


def _begun(run: Run) -> tuple[int, str] | None:
    """Return the number of answered requests and a sentence on the progress; None if nothing was begun."""
    from infogap.generate.trace_store import answered

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


def _make(run: Run) -> Outcome:
    from infogap.generate.generate_traces import generate_traces

    return generate_traces(run)


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
