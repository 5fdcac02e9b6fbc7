"""Summarize the scores of a run by privilege."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from infogap.effects.trace_summary import richness_of
from infogap.gap.calibration import Calibration, calibration, confidences
from infogap.runs.run_folder import Run
from infogap.schema import GAPS, TRACES
from infogap.verify.pass_rate_filter import not_selected

_MEANS = ("gap", "gap_per_token", "gap_share", "surprisal", "ifd", "answer_confidence")


@dataclass(frozen=True)
class Gaps:
    """One privilege's scored traces: their number, and the mean of each metric over those that have it."""

    privilege: str
    traces: int
    with_gap: int
    means: dict[str, float | None]
    others: dict[str, float | None]  # by context: the mean gap per token with it in place of the teacher's


@dataclass(frozen=True)
class GapTable:
    """The summary of a run's scores."""

    scorer: str
    unscored: int
    privileges: list[Gaps]
    calibration: Calibration

    def as_json(self) -> dict[str, Any]:
        """Convert it to values for JSON."""
        groups = self.calibration
        return {
            "scorer": self.scorer,
            "unscored": self.unscored,
            "privileges": [asdict(row) for row in self.privileges],
            "calibration": {
                "traces": groups.traces,
                "unjudged": groups.unjudged,
                "expected_calibration_error": groups.error,
                "bins": [asdict(group) for group in groups.bins],
                "privileges": [
                    asdict(group) | {"expected_calibration_error": error} for group, error in groups.privileges
                ],
                "bands": [asdict(group) for group in groups.bands],
                "sure_and_not": groups.sure_and_not.to_dicts(),
            },
        }


def gap_table(run: Run, *, measured: bool) -> GapTable:
    """Summarize the scores of the tasks that `select` keeps; `measured`: the traces' bands are known, too."""
    gap = run.recipe.measure.gap
    assert gap is not None
    scored = (
        run.scan(TRACES)
        .select("trace_id", "task_id", "privilege")
        .join(not_selected(run), on="task_id", how="anti")
        .join(run.scan(GAPS), on="trace_id")
        .with_columns(_other(name).alias(f"other {name}") for name in gap.contexts)
        .collect()
        .sort("trace_id")
    )
    richness = richness_of(run.recipe)
    groups = {str(name): rows for (name,), rows in scored.partition_by("privilege", as_dict=True).items()}
    ordered = sorted(groups, key=lambda name: (richness.get(name, float("inf")), name))
    return GapTable(
        scorer=str(scored["scorer"][0]) if scored.height else "",
        unscored=int(scored["surprisal"].null_count()),
        privileges=[_gaps(name, groups[name], list(gap.contexts)) for name in ordered],
        calibration=calibration(confidences(run, measured=measured)),
    )


def _other(name: str) -> pl.Expr:
    entry = pl.element().struct
    return (
        pl.col("other_contexts")
        .list.eval(pl.when(entry.field("context") == name).then(entry.field("gap_per_token")))
        .list.drop_nulls()
        .list.first()
    )


def _gaps(privilege: str, rows: pl.DataFrame, contexts: list[str]) -> Gaps:
    return Gaps(
        privilege,
        rows["surprisal"].count(),
        rows["gap"].count(),
        {name: _mean(rows[name]) for name in _MEANS},
        {name: _mean(rows[f"other {name}"]) for name in contexts},
    )


def _mean(values: pl.Series) -> float | None:
    mean = values.cast(pl.Float64).mean()
    return float(mean) if isinstance(mean, float) else None
