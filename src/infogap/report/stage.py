"""The report stage: render a run's tables as one self-contained page, with its charts as files."""

from __future__ import annotations

from typing import Any

from infogap import __version__
from infogap.atomic_files import whole_folder, write_text
from infogap.runs.run_folder import Run
from infogap.runs.stage import Outcome, Stage


def _part(run: Run) -> dict[str, Any]:
    return {"name": run.recipe.name, "infogap": __version__}


def _make(run: Run) -> Outcome:
    from infogap.report.page import report_on

    report = report_on(run)
    with whole_folder(run.path / "report") as folder:
        write_text(folder / "index.html", report.html)
        for name, chart in report.charts.items():
            (folder / "figures").mkdir(exist_ok=True)
            (folder / "figures" / f"{name}.svg").write_text(chart.svg(background=True), encoding="utf-8")
            (folder / "figures" / f"{name}.png").write_bytes(chart.png())
            (folder / "figures" / f"{name}.csv").write_bytes(chart.csv())
    return Outcome(rows=1)


STAGE = Stage(
    "report",
    ("report",),
    ("tasks", "traces", "verdicts", "gaps", "token_gaps", "measures", "duplicates", "contamination", "mix", "dataset"),
    7,
    _part,
    _make,
)
