"""The measure stage: how much uncertainty a trace voices, and whether it gives its teacher's context away."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import polars as pl

from infogap.console import progress
from infogap.leaks import load_leaks
from infogap.leaks.context_lookup import context_texts
from infogap.measure.forks import fork_rates
from infogap.measure.lexicon import load
from infogap.measure.measuring import Measuring
from infogap.measure.scores import UNSCORED, scores_of
from infogap.parallel.ordered import processes_in_order
from infogap.runs.run_folder import Run
from infogap.runs.stage import Outcome, Stage
from infogap.schema import BAND_NAMES, CONTEXTS, GAPS, MEASURES, TASKS, TRACES

_COLUMNS = ("trace_id", "task_id", "privilege", "context_id", "reasoning", "response", "completion_tokens", "error")
_AT_ONCE = 500  # traces that a worker is sent at a time
_WORTH_WORKERS = 2_000  # traces: fewer are measured before workers have started


def _part(run: Run) -> dict[str, Any]:
    lexicons = [load(name, run.resolve) for name in run.recipe.measure.lexicons]
    # The gap is a stage of its own: what it takes from the recipe shows here only by its table.
    return run.recipe.measure.model_dump(mode="json", by_alias=True, exclude={"gap"}) | {
        "lexicon_contents": [lexicon.digest for lexicon in lexicons],
        "self_corrections": load("infogap", run.resolve).digest,
        "leaks": load_leaks().digest,
    }


def _make(run: Run) -> Outcome:
    traces = run.rows(TRACES)
    slices = -(-traces // _AT_ONCE) if traces > _WORTH_WORKERS else 1
    bands, leaking = Counter[str | None](), 0
    with run.rewrite(MEASURES) as out, progress("measure", traces, "traces") as advance:
        for measured in processes_in_order(Measuring.of(run).measures, _traces(run), slices):
            out.write(measured)
            bands.update(measured["band"])
            leaking += int(measured["leak"].sum())
            advance(measured.height)
    counts = {band: bands[band] for band in BAND_NAMES} | {"without_text": bands[None], "leaks": leaking}
    return Outcome(out.rows, counts)


def _traces(run: Run) -> Iterator[pl.DataFrame]:
    """The traces, some at a time, with all that is known of them from elsewhere."""
    tasks = run.scan(TASKS).select("task_id", "question", "answer").collect()
    forks = fork_rates(run, run.recipe.measure.fork_entropy)
    for part in run.parts(TRACES):
        contexts, scores = context_texts(run, part["context_id"]), scores_of(run, part["trace_id"])
        scored = [scores.get(trace_id, UNSCORED) for trace_id in part["trace_id"]]
        known = part.select(_COLUMNS).with_columns(
            pl.Series("context", [contexts.get(context_id) for context_id in part["context_id"]], pl.String),
            pl.Series("fork_rate", [forks.get(trace_id) for trace_id in part["trace_id"]], pl.Float64),
            *(pl.Series(name, [score[name] for score in scored], pl.Float64) for name in UNSCORED),
        )
        yield from known.join(tasks, on="task_id", how="left", maintain_order="left").iter_slices(_AT_ONCE)


STAGE = Stage("measure", (MEASURES.name,), (TASKS.name, CONTEXTS.name, TRACES.name, GAPS.name), 10, _part, _make)
