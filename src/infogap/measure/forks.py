"""Forks: tokens at which the teacher was undecided."""

from __future__ import annotations

import polars as pl

from infogap.runs.run_folder import Run
from infogap.schema import TOKENS


def fork_rates(run: Run, threshold: float) -> dict[str, float]:
    """By trace: the share of its tokens whose entropy is over the threshold, in nats; only of traces with entropies."""
    over = pl.col("entropies").list.eval((pl.element() > threshold).cast(pl.Float64)).list.mean()
    found = run.scan(TOKENS).select("trace_id", rate=over).drop_nulls("rate").collect()
    return dict(found.iter_rows())
