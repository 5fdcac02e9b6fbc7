"""Draw how well confidence in final answers matches their accuracy."""

from __future__ import annotations

from dataclasses import asdict

import polars as pl

from infogap.charts.drawing import INK, PALETTE, Chart, new_figure
from infogap.gap.calibration import Calibration


def reliability(calibration: Calibration) -> Chart | None:
    """Draw, per bin of confidence, the share of correct answers, against the diagonal of perfect calibration.

    The numbers have a row per bin. None if no answer has a confidence.
    """
    if not calibration.bins:
        return None
    figure, (axes,) = new_figure(3.6)
    axes.plot([0, 1], [0, 1], color=INK, linewidth=0.8)
    largest = max(group.traces for group in calibration.bins)
    for group in calibration.bins:
        area = 30 + 220 * group.traces / largest
        axes.scatter([group.confidence], [group.accuracy], s=area, color=PALETTE[0], alpha=0.8, linewidths=0)
        axes.plot([group.confidence] * 2, [group.confidence, group.accuracy], color=PALETTE[1], linewidth=1.2)
    axes.set_xlim(-0.03, 1.03)
    axes.set_ylim(-0.05, 1.05)
    axes.set_aspect("equal")
    axes.set_xlabel("probability of the final answer; area: traces")
    axes.set_ylabel("share of correct answers")
    numbers = pl.DataFrame([asdict(group) for group in calibration.bins], infer_schema_length=None)
    return Chart("calibration", "Confidence in the final answer and accuracy.", numbers, figure)
