"""The traces that match evaluation sets."""

from __future__ import annotations

import polars as pl

from infogap.recipe.decontaminate_section import What
from infogap.runs.run_folder import Run
from infogap.schema import CONTAMINATION, CONTEXTS, TASKS, TRACES, Table

TABLES: dict[What, Table] = {"question": TASKS, "trace": TRACES, "context": CONTEXTS}


def contaminated_traces(run: Run) -> pl.LazyFrame:
    """Return the distinct `trace_id`s of traces that match by question, text or context; in no order."""
    matches = run.scan(CONTAMINATION).select("where", "id").unique()
    traces = run.scan(TRACES).select("trace_id", "task_id", "context_id")
    matching = [
        traces.join(matches.filter(pl.col("where") == what), left_on=table.key, right_on="id", how="semi").select(
            "trace_id"
        )
        for what, table in TABLES.items()
    ]
    return pl.concat(matching).unique()
