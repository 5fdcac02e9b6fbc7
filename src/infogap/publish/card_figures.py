"""Draw the card's figures into a dataset folder, as SVG files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from infogap.charts import drawing
from infogap.charts.distributions import density_by_privilege
from infogap.charts.mix_charts import coverage, mix_targets
from infogap.ids import file_digest
from infogap.publish.redaction import public_label
from infogap.runs.run_folder import Run

FOLDER = "figures"
MISSING = "the card has no figures; to have them: pip install 'infogap[plots]' and publish again"


@dataclass(frozen=True)
class CardFigure:
    """A figure: its path in the dataset folder, its SHA-256, and its caption."""

    path: str
    sha256: str
    caption: str


def draw_figures(run: Run, traces: pl.DataFrame, folder: Path) -> dict[str, CardFigure]:
    """Draw the density by privilege, the mix and its coverage, those that there is something to draw of.

    `traces` is from `traces_in_short`. Returns the figures by name; none without matplotlib.
    """
    if not drawing.available():
        return {}
    public = traces.with_columns(
        pl.col("teacher").replace({name: public_label(name) for name in traces["teacher"].drop_nulls().unique()})
    )
    figures = {}
    for chart in (density_by_privilege(public, run.recipe), mix_targets(run), coverage(run)):
        if chart is not None:
            path = folder / FOLDER / f"{chart.name}.svg"
            path.parent.mkdir(exist_ok=True)
            path.write_text(chart.svg(background=True), encoding="utf-8")
            figures[chart.name] = CardFigure(f"{FOLDER}/{path.name}", file_digest(path), chart.caption)
    return figures
