"""Figures of gaps as SVG; they need matplotlib (the extra `plots`)."""

from __future__ import annotations

import polars as pl

from infogap.gap.calibration import Calibration
from infogap.report.figures import CONFIDENT, UNCERTAIN, new_figure, points_by_group, svg
from infogap.runs.run_folder import Run
from infogap.schema import GAPS, TRACES


def by_privilege(run: Run, order: list[str]) -> str:
    """Every trace's gap per token as a point, per privilege, with the median."""
    rows = (
        run.scan(TRACES)
        .select("trace_id", "privilege")
        .join(run.scan(GAPS).select("trace_id", "gap_per_token"), on="trace_id")
        .drop_nulls()
        .collect()
        .sort("trace_id")
    )
    values = {name: rows.filter(pl.col("privilege") == name)["gap_per_token"].to_numpy() for name in order}
    figure, (axes,) = new_figure(0.5 * len(order) + 1.2)
    axes.axvline(0, color="black", linewidth=0.8)
    points_by_group(axes, values)
    axes.set_xlabel("gap in nats per token, a point per trace; line: median")
    return svg(figure)


def reliability(found: Calibration) -> str:
    """Per bin of confidence the share that is right, against the diagonal on which both are equal."""
    figure, (axes,) = new_figure(3.6)
    axes.plot([0, 1], [0, 1], color="black", linewidth=0.8)
    largest = max((group.traces for group in found.bins), default=1)
    for group in found.bins:
        area = 30 + 220 * group.traces / largest
        axes.scatter([group.confidence], [group.accuracy], s=area, color=CONFIDENT, alpha=0.8, linewidths=0)
        axes.plot([group.confidence] * 2, [group.confidence, group.accuracy], color=UNCERTAIN, linewidth=1.2)
    axes.set_xlim(-0.03, 1.03)
    axes.set_ylim(-0.05, 1.05)
    axes.set_aspect("equal")
    axes.set_xlabel("probability of the final answer; area: traces")
    axes.set_ylabel("share that is right")
    return svg(figure)
