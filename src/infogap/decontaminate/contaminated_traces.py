"""Which traces match evaluation sets: by their question, by themselves, or by what their teacher was shown."""

from __future__ import annotations

import polars as pl

from infogap.runs.run_folder import Run
from infogap.schema import CONTAMINATION, TRACES


def contaminated_traces(run: Run) -> pl.LazyFrame:
    """The `trace_id` of every trace that matches, each once; in no order."""
    matches = run.scan(CONTAMINATION).select("where", "id").unique()
    traces = run.scan(TRACES).select("trace_id", "task_id", "context_id")
    keys = {"question": "task_id", "trace": "trace_id", "context": "context_id"}
    found = [
        traces.join(matches.filter(pl.col("where") == what), left_on=key, right_on="id", how="semi").select("trace_id")
        for what, key in keys.items()
    ]
    return pl.concat(found).unique()
