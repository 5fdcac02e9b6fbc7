"""The report's section on gaps: the tables of `infogap gap --table`, figures, and traces coloured by gap."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources

import polars as pl
from jinja2 import Environment

from infogap.gap.calibration import UNSURE
from infogap.gap.gap_tables import gap_table
from infogap.report import figures
from infogap.runs.run_folder import Run
from infogap.schema import GAPS, TOKEN_GAPS, TRACES

TOKENS_SHOWN = 500
TRACES_SHOWN = 10
_STRONGEST = 4.0  # nats: gaps beyond it have the full colour
_MORE, _LESS = "200, 85, 61", "47, 102, 144"  # red, green and blue of tokens made likelier, and less likely


@dataclass(frozen=True)
class Coloured:
    """The first tokens of a trace, each with its gap in nats and its colour."""

    trace_id: str
    privilege: str
    gap_per_token: float
    tokens: list[tuple[str, float, str]]
    more: int  # tokens that are not shown


def gaps_section(run: Run, environment: Environment) -> str:
    """Render the section; empty if the recipe scores nothing."""
    gap = run.recipe.measure.gap
    if gap is None:
        return ""
    template = (resources.files("infogap.report") / "gaps.html.jinja").read_text(encoding="utf-8")
    found = gap_table(run, measured=True)
    drawn = figures.available()
    return environment.from_string(template).render(
        found=found,
        threshold=gap.threshold,
        contexts=gap.contexts,
        unsure=UNSURE,
        sure_and_not=found.calibration.sure_and_not.head(TRACES_SHOWN).to_dicts(),
        by_privilege=figures.gap_by_privilege(run, [row.privilege for row in found.privileges]) if drawn else "",
        reliability=figures.reliability(found.calibration) if drawn else "",
        pictures=_pictures(run, [row.privilege for row in found.privileges]),
    )


def _pictures(run: Run, privileges: list[str]) -> list[Coloured]:
    """Return, per privilege, the trace with the highest gap per token, if its tokens' gaps are kept."""
    highest = (
        run.scan(GAPS)
        .join(run.scan(TRACES).select("trace_id", "privilege"), on="trace_id")
        .filter(pl.col("gap") != 0)
        .select("trace_id", "privilege", "gap_per_token")
        .collect()
        .sort("gap_per_token", "trace_id", descending=[True, False])
        .unique("privilege", keep="first", maintain_order=True)
    )
    kept = run.scan(TOKEN_GAPS).filter(pl.col("trace_id").is_in(highest["trace_id"].implode())).collect()
    tokens = {row["trace_id"]: row for row in kept.iter_rows(named=True)}
    return [
        _coloured(row, tokens[row["trace_id"]])
        for row in sorted(highest.iter_rows(named=True), key=lambda row: privileges.index(row["privilege"]))
        if row["trace_id"] in tokens
    ]


def _coloured(row: dict[str, object], tokens: dict[str, list[object]]) -> Coloured:
    pairs = [(str(text), float(str(gap))) for text, gap in zip(tokens["tokens"], tokens["gaps"], strict=True)]
    return Coloured(
        trace_id=str(row["trace_id"]),
        privilege=str(row["privilege"]),
        gap_per_token=float(str(row["gap_per_token"])),
        tokens=[(text, gap, _colour(gap)) for text, gap in pairs[:TOKENS_SHOWN]],
        more=max(len(pairs) - TOKENS_SHOWN, 0),
    )


def _colour(gap: float) -> str:
    """Return a CSS colour, stronger the further the gap is from 0."""
    strength = min(abs(gap) / _STRONGEST, 1)
    return f"rgba({_MORE if gap > 0 else _LESS}, {strength:.2f})"
