"""The measure stage: run every measure over the traces and write the table `measures`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from infogap.console import progress
from infogap.leaks import load_leaks
from infogap.measure.lexicon import load
from infogap.measure.load_measures import Measure, measures_table, named_measures, own_measures
from infogap.measure.trace_frame import trace_frames, with_texts
from infogap.parallel.ordered import processes_in_order
from infogap.runs.run_folder import Run
from infogap.runs.stage import Outcome, Stage
from infogap.schema import BAND_NAMES, CONTEXTS, GAPS, MEASURES, TASKS, TRACES

_AT_ONCE = 500  # traces sent to a worker at a time
_WORTH_WORKERS = 2_000  # traces: fewer are measured faster than workers start


@dataclass(frozen=True)
class Measuring:
    """The measures of a run, and the columns of its table `measures`."""

    measures: Sequence[Measure]
    columns: Sequence[str]

    @classmethod
    def of(cls, run: Run) -> Measuring:
        return cls([*own_measures(run), *named_measures(run)], measures_table(run).schema.names())

    def rows(self, traces: pl.DataFrame) -> pl.DataFrame:
        """Return the rows of `measures` for a frame of `trace_frames`, in its order."""
        frame = with_texts(traces)
        measured = [frame.select("trace_id"), *(measure.measure(frame) for measure in self.measures)]
        return pl.concat(measured, how="horizontal").select(self.columns)


def _part(run: Run) -> dict[str, Any]:
    lexicons = [load(name, run.resolve) for name in run.recipe.measure.lexicons]
    # The gap is a stage of its own, whose settings change its table, which is an input here.
    part = run.recipe.measure.model_dump(mode="json", by_alias=True, exclude={"gap"}) | {
        "lexicon_contents": [lexicon.digest for lexicon in lexicons],
        "self_corrections": load("infogap", run.resolve).digest,
        "leaks": load_leaks().digest,
    }
    named = named_measures(run)
    return part | ({"measures": [measure.identity for measure in named]} if named else {})


def _make(run: Run) -> Outcome:
    traces = run.rows(TRACES)
    slices = -(-traces // _AT_ONCE) if traces > _WORTH_WORKERS else 1
    bands, leaking = Counter[str | None](), 0
    with run.rewrite(measures_table(run)) as out, progress("measure", traces, "traces") as advance:
        for measured in processes_in_order(Measuring.of(run).rows, trace_frames(run, _AT_ONCE), slices):
            out.write(measured)
            bands.update(measured["band"])
            leaking += int(measured["leak"].sum())
            advance(measured.height)
    counts = {band: bands[band] for band in BAND_NAMES} | {"without_text": bands[None], "leaks": leaking}
    return Outcome(out.rows, counts)


def _ready(run: Run) -> None:
    named_measures(run)


STAGE = Stage(
    "measure", (MEASURES.name,), (TASKS.name, CONTEXTS.name, TRACES.name, GAPS.name), 12, _part, _make, ready=_ready
)
