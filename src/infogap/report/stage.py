"""The report stage: render a run's tables as one self-contained page."""

from __future__ import annotations

from typing import Any

from infogap import __version__
from infogap.atomic_files import whole_folder, write_text
from infogap.report.page import page
from infogap.runs.run_folder import Run
from infogap.runs.stage import Outcome, Stage


def _part(run: Run) -> dict[str, Any]:
    return {"name": run.recipe.name, "infogap": __version__}


def _make(run: Run) -> Outcome:
    with whole_folder(run.path / "report") as folder:
        write_text(folder / "index.html", page(run))
    return Outcome(rows=1)


STAGE = Stage(
    "report",
    ("report",),
    ("tasks", "traces", "verdicts", "gaps", "token_gaps", "measures", "duplicates", "contamination", "mix", "dataset"),
    5,
    _part,
    _make,
)
