"""What the gap stage has found of traces, where the recipe has one."""

from __future__ import annotations

import polars as pl

from infogap.runs.run_folder import Run
from infogap.schema import GAPS

_TAKEN_OVER = ("gap", "gap_per_token", "surprisal")
UNSCORED: dict[str, float | None] = dict.fromkeys(_TAKEN_OVER)


def scores_of(run: Run, trace_ids: pl.Series) -> dict[str, dict[str, float | None]]:
    """The gap, the gap per token and the surprisal of these traces, by trace_id; empty where nothing is scored."""
    if run.recipe.measure.gap is None:  # a table that is still there is of another recipe
        return {}
    rows = run.scan(GAPS).filter(pl.col("trace_id").is_in(trace_ids.implode())).select("trace_id", *_TAKEN_OVER)
    return {row.pop("trace_id"): row for row in rows.collect().iter_rows(named=True)}
