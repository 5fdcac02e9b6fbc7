"""How well calibrated final answers are, and if traces that sound confident have answers that are likely.

Confidence is the probability of the final answer's tokens (`answer_confidence` of the gaps table). The expected
calibration error is that of Guo et al. 2017 (arXiv 1706.04599): over bins of equal width, the mean distance between
accuracy and confidence, weighted by the bins' traces.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from infogap.runs.run_folder import Run
from infogap.schema import BAND_NAMES, GAPS, MEASURES, TRACES, VERDICTS
from infogap.verify.pass_rate_filter import PROBED, not_selected

BINS = 10
UNLIKELY = 0.5  # an answer below this is less likely than not
_OF_TRACES = ("trace_id", "task_id", "privilege", "verdict", "band", "epistemic_density", "answer_confidence")


@dataclass(frozen=True)
class Group:
    """Graded traces of one kind: a bin of confidences, a privilege, or a band."""

    name: str
    traces: int
    confidence: float  # mean
    accuracy: float  # share of correct ones


@dataclass(frozen=True)
class Calibration:
    """The calibration of the traces that have an answer confidence and are graded correct or wrong.

    `overconfident`: traces in the band `confident` whose answer has a confidence below UNLIKELY, least confident first.
    """

    traces: int
    ungraded: int  # with a confidence, but graded neither correct nor wrong
    error: float | None  # expected calibration error, 0 to 1; None without traces
    bins: list[Group]  # without empty ones, from the least confident
    privileges: list[tuple[Group, float]]  # each with its own calibration error
    bands: list[Group]  # empty if the traces are not measured
    overconfident: pl.DataFrame  # trace_id, task_id, privilege, verdict, epistemic_density, answer_confidence


def confidences(run: Run, *, measured: bool) -> pl.DataFrame:
    """Read every trace with an answer confidence, sorted by trace_id; `band` is null where not `measured`."""
    measures = run.scan(MEASURES) if measured else MEASURES.empty().lazy()
    return (
        run.scan(TRACES)
        .select("trace_id", "task_id", "privilege", "teacher")
        .join(not_selected(run), on=PROBED, how="anti")
        .join(run.scan(GAPS).select("trace_id", "answer_confidence"), on="trace_id")
        .join(run.scan(VERDICTS).select("trace_id", "verdict"), on="trace_id", how="left")
        .join(measures.select("trace_id", "band", "epistemic_density"), on="trace_id", how="left")
        .filter(pl.col("answer_confidence").is_not_null())
        .select(_OF_TRACES)
        .collect()
        .sort("trace_id")
    )


def calibration(traces: pl.DataFrame) -> Calibration:
    """Compute the calibration of the traces that `confidences` returns."""
    graded = traces.filter(pl.col("verdict").is_in(["correct", "wrong"])).with_columns(
        right=(pl.col("verdict") == "correct").cast(pl.Float64),
        # The last bin is closed: a confidence of 1 belongs to it.
        bin=(pl.col("answer_confidence") * BINS)
        .floor()
        .clip(0, BINS - 1)
        .cast(pl.Int64)
        .replace_strict({place: f"{place / BINS:.1f} to {(place + 1) / BINS:.1f}" for place in range(BINS)}),
    )
    bins = _groups(graded, "bin")
    privileges = [
        (group, _error(_groups(graded.filter(pl.col("privilege") == name), "bin")) or 0.0)
        for name, group in _groups(graded, "privilege").items()
    ]
    bands = _groups(graded, "band")
    overconfident = traces.filter((pl.col("band") == "confident") & (pl.col("answer_confidence") < UNLIKELY))
    return Calibration(
        traces=graded.height,
        ungraded=traces.height - graded.height,
        error=_error(bins),
        bins=list(bins.values()),
        privileges=privileges,
        bands=[bands[name] for name in reversed(BAND_NAMES) if name in bands],
        overconfident=overconfident.drop("band").sort("answer_confidence", "trace_id"),
    )


def _groups(graded: pl.DataFrame, column: str) -> dict[str, Group]:
    """Group the traces by a column's values, sorted; traces without a value are left out."""
    table = (
        graded.drop_nulls(column)
        .group_by(column)
        .agg(pl.len(), pl.col("answer_confidence").mean(), pl.col("right").mean())
        .sort(column)
    )
    return {str(row[0]): Group(*row) for row in table.iter_rows()}


def _error(bins: dict[str, Group]) -> float | None:
    total = sum(group.traces for group in bins.values())
    if not total:
        return None
    return sum(group.traces * abs(group.accuracy - group.confidence) for group in bins.values()) / total
