"""What the card says of the mix: its shares against their targets, and who the teachers were."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import polars as pl

from infogap.publish.redaction import public_label
from infogap.runs.run_folder import Run
from infogap.schema import MIX

AXES = ("band", "verdict", "family", "privilege")


@dataclass(frozen=True)
class Share:
    """One value of an axis of the mix: what the recipe asks for (None where it does not), and what came of it."""

    value: str
    target: float | Literal["uniform"] | None
    target_count: int | None
    count: int
    share: float


def mix_shares(run: Run, traces: pl.DataFrame) -> dict[str, list[Share]]:
    """Per axis of the mix the shares of its values, target against achieved."""
    selected = traces.filter("selected")
    found = run.manifest(MIX.name)
    wanted = found.counts.get("axes", {}) if found else {}
    return {axis: _shares(selected, axis, run.recipe.balance.axes.get(axis), wanted.get(axis, {})) for axis in AXES}


def _shares(selected: pl.DataFrame, axis: str, target: Any, wanted: dict[str, dict[str, int]]) -> list[Share]:
    counts = dict(selected.drop_nulls(axis).group_by(axis).len().iter_rows())
    targets = target if isinstance(target, dict) else {}
    return [
        Share(
            value=value,
            target="uniform" if target == "uniform" else targets.get(value, 0.0 if targets else None),
            target_count=wanted.get(value, {}).get("target"),
            count=counts.get(value, 0),
            share=counts.get(value, 0) / selected.height if selected.height else 0.0,
        )
        for value in sorted(counts.keys() | targets.keys() | wanted.keys())
    ]


def doubt_in_pairs(folder: Path) -> dict[str, float | None]:
    """Mean epistemic density of the chosen and of the rejected traces of a dataset's `preference`."""
    shards = sorted((folder / "data" / "preference").glob("*.parquet"))
    if not shards:
        return {}
    sides = ("chosen", "rejected")
    means = pl.scan_parquet(shards).select(pl.col(f"{side}_epistemic_density").mean().alias(side) for side in sides)
    return means.collect().row(0, named=True)


def teachers(traces: pl.DataFrame) -> list[str]:
    """The teachers' published names."""
    return sorted({public_label(name) for name in traces["teacher"].drop_nulls().unique().to_list()})
