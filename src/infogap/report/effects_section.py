"""The page's part on what each privilege did: the tables of `infogap measure --table`, and a figure."""

from __future__ import annotations

from importlib import resources

from jinja2 import Environment

from infogap.effects import Effects, effects_of
from infogap.effects.effects_terminal import heading, interval, number
from infogap.effects.pass_at_k import Passes
from infogap.report import figures
from infogap.runs.run_folder import Run


def effects_sections(run: Run, environment: Environment) -> str:
    """HTML, a section for each teacher."""
    found = effects_of(run)
    template = (resources.files("infogap.report") / "effects.html.jinja").read_text(encoding="utf-8")
    return "\n".join(_section(effects, len(found) > 1, environment, template) for effects in found)


def _section(effects: Effects, named: bool, environment: Environment, template: str) -> str:
    return environment.from_string(template).render(
        effects=effects,
        teacher=effects.teacher if named else "",
        unit=effects.unit,
        heading=heading,
        number=number,
        interval=interval,
        rate=_rate,
        differences_rows=[(row.privilege, row) for row in effects.differences],
        contrast_rows=[(row.name, row.difference) for row in effects.contrasts],
        contrasts={row.name: row.contrast for row in effects.contrasts},
        ks=sorted({at.k for row in effects.passes for at in row.at}),
        figure=figures.differences(effects) if figures.available() else "",
    )


def _rate(row: Passes, k: int) -> str:
    return next((f"{at.rate:.2f}" for at in row.at if at.k == k), "-")
