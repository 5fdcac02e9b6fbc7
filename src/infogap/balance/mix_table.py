"""Read the table `mix` with a row per trace, as the other tables have; several mixes become a list."""

from __future__ import annotations

from typing import Any

import polars as pl

from infogap.runs.run_folder import Run
from infogap.schema import MIX

OF_MIXES = (*(name for name in MIX.schema if name not in ("trace_id", "mix")), "mixes")
"""The columns that say of a trace whether it is in a mix and why, of one mix or of several."""


def mix_columns(run: Run) -> dict[str, Any]:
    """Return the columns that say whether a trace is in the mix, and why; for several mixes, the list `mixes`."""
    of_mix = {name: dtype for name, dtype in MIX.schema.items() if name not in ("trace_id", "mix")}
    if run.recipe.balance.mixes is None:
        return of_mix
    return {"mixes": pl.List(pl.Struct({"mix": pl.String, **of_mix}))}


def mix_by_trace(run: Run, rows: pl.LazyFrame | None = None) -> pl.LazyFrame:
    """Return the run's table `mix`, or some of its rows, with a row per trace: `trace_id` and `mix_columns`."""
    table = run.scan(MIX) if rows is None else rows
    if run.recipe.balance.mixes is None:
        return table.drop("mix")
    of_each = pl.struct(name for name in MIX.schema if name != "trace_id")
    return table.group_by("trace_id", maintain_order=True).agg(mixes=of_each)
