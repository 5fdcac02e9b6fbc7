"""Collect what the report says of the gap: its tables, and the tokens of one trace per privilege."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from infogap.gap.calibration import UNLIKELY
from infogap.gap.gap_tables import gap_table
from infogap.runs.run_folder import Run
from infogap.schema import GAPS, TOKEN_GAPS, TRACES

TOKENS_SHOWN = 500
TRACES_SHOWN = 10
_STRENGTHS = 4  # degrees of colour; a nat each


@dataclass(frozen=True)
class ColouredTrace:
    """The first tokens of a trace, each with its gap in nats and its degree of colour, from -4 to 4."""

    trace_id: str
    privilege: str
    gap_per_token: float
    tokens: list[tuple[str, float, int]]
    more: int  # tokens that are not shown


def gap_values(run: Run) -> dict[str, Any] | None:
    """Return the values of the section's template; None if the recipe scores nothing."""
    gap = run.recipe.measure.gap
    if gap is None:
        return None
    summary = gap_table(run, measured=True)
    return {
        "summary": summary,
        "threshold": gap.threshold,
        "contexts": gap.contexts,
        "unlikely": UNLIKELY,
        "overconfident": summary.calibration.overconfident.head(TRACES_SHOWN).to_dicts(),
        "pictures": _coloured_traces(run, [row.privilege for row in summary.privileges]),
    }


def _coloured_traces(run: Run, privileges: list[str]) -> list[ColouredTrace]:
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


def _coloured(row: dict[str, Any], tokens: dict[str, Any]) -> ColouredTrace:
    pairs = [(str(text), gap) for text, gap in zip(tokens["tokens"], tokens["gaps"], strict=True)]
    return ColouredTrace(
        trace_id=row["trace_id"],
        privilege=row["privilege"],
        gap_per_token=row["gap_per_token"],
        tokens=[(text, gap or 0.0, _degree(gap)) for text, gap in pairs[:TOKENS_SHOWN]],
        more=max(len(pairs) - TOKENS_SHOWN, 0),
    )


def _degree(gap: float | None) -> int:
    """Return the degree of colour: 0 below half a nat, then one per nat, at most 4, with the sign of the gap."""
    return 0 if gap is None else max(-_STRENGTHS, min(_STRENGTHS, round(gap)))
