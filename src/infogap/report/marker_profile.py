"""Count which markers occur under each privilege, and in which quarter of the trace."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from infogap.effects.compared_traces import lexicons_of
from infogap.effects.trace_summary import of_selected_tasks
from infogap.runs.run_folder import Run
from infogap.schema import MEASURES

_MARKERS = 15  # the most frequent ones are shown
_QUARTERS = ("first quarter", "second", "third", "last")


@dataclass(frozen=True)
class MarkerProfile:
    """One teacher's markers by the recipe's first lexicon.

    `by_privilege` has a row per marker, the most frequent first: `marker`, and per 1,000 `unit` under each privilege.
    `by_quarter` has a row per privilege: `privilege`, the share of its markers in each quarter of the text, and
    `markers`, their number.
    """

    teacher: str
    lexicon: str
    unit: str  # tokens, or words if some token counts are unknown
    by_privilege: pl.DataFrame
    by_quarter: pl.DataFrame


def marker_profiles(run: Run, traces: pl.DataFrame, privileges: list[str]) -> list[MarkerProfile]:
    """Count the markers of each teacher, in the order of `privileges`. `traces` is from `traces_in_short`."""
    lexicons = lexicons_of(run)
    if not lexicons:
        return []
    answered = of_selected_tasks(traces).filter(~pl.col("failed"))
    counts, quarters = _counted(run, answered.select("trace_id", "teacher", "privilege"))
    profiles = []
    for (teacher,), own in sorted(answered.partition_by("teacher", as_dict=True).items()):
        unit = "words" if own["completion_tokens"].null_count() else "tokens"
        lengths = dict(
            own.group_by("privilege")
            .agg(pl.col("completion_tokens" if unit == "tokens" else "words").sum())
            .iter_rows()
        )
        order = [privilege for privilege in privileges if lengths.get(privilege)]
        by_privilege = _rates(counts.filter(teacher=teacher), lengths, order)
        by_quarter = _shares(quarters.filter(teacher=teacher), order)
        if by_privilege.height:
            profiles.append(MarkerProfile(str(teacher), lexicons[0], unit, by_privilege, by_quarter))
    return profiles


def _counted(run: Run, traces: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Sum the markers, and those in each quarter, by teacher and privilege; part by part, in bounded memory."""
    by_marker, by_quarter = [], []
    for part in run.parts(MEASURES):
        first = part.select("trace_id", pl.col("lexicons").list.first().alias("lexicon")).join(traces, on="trace_id")
        of = first.select("teacher", "privilege", pl.col("lexicon").struct.field("markers", "quarters"))
        markers = of.select("teacher", "privilege", "markers").explode("markers").drop_nulls("markers")
        by_marker.append(
            markers.with_columns(pl.col("markers").struct.unnest())
            .group_by("teacher", "privilege", "marker")
            .agg(pl.col("count").sum())
        )
        by_quarter.append(
            of.group_by("teacher", "privilege").agg(
                pl.col("quarters").list.get(place, null_on_oob=True).sum().alias(name)
                for place, name in enumerate(_QUARTERS)
            )
        )
    if not by_marker:
        return pl.DataFrame(schema=_SCHEMA), pl.DataFrame(schema=_QUARTER_SCHEMA)
    markers = pl.concat(by_marker).group_by("teacher", "privilege", "marker").agg(pl.col("count").sum())
    quarters = pl.concat(by_quarter).group_by("teacher", "privilege").agg(pl.col(_QUARTERS).sum())
    return markers, quarters


_SCHEMA = {"teacher": pl.String, "privilege": pl.String, "marker": pl.String, "count": pl.Int64}
_QUARTER_SCHEMA = {"teacher": pl.String, "privilege": pl.String} | dict.fromkeys(_QUARTERS, pl.Int64)


def _rates(counts: pl.DataFrame, lengths: dict[str, int], order: list[str]) -> pl.DataFrame:
    """Return the most frequent markers with their rate per 1,000 under each privilege."""
    totals = counts.group_by("marker").agg(pl.col("count").sum()).sort("count", "marker", descending=[True, False])
    by_cell = {(marker, privilege): count for _, privilege, marker, count in counts.iter_rows()}
    rows = [
        {"marker": marker}
        | {privilege: 1000 * by_cell.get((marker, privilege), 0) / lengths[privilege] for privilege in order}
        for marker in totals["marker"].head(_MARKERS)
    ]
    return pl.DataFrame(rows, schema={"marker": pl.String} | dict.fromkeys(order, pl.Float64))


def _shares(quarters: pl.DataFrame, order: list[str]) -> pl.DataFrame:
    """Return the share of each privilege's markers in each quarter, null without any, and their number."""
    by_privilege = {row["privilege"]: row for row in quarters.iter_rows(named=True)}
    rows = []
    for privilege in order:
        counts = [by_privilege.get(privilege, {}).get(name) or 0 for name in _QUARTERS]
        total = sum(counts)
        rows.append(
            {"privilege": privilege}
            | {name: count / total if total else None for name, count in zip(_QUARTERS, counts, strict=True)}
            | {"markers": total}
        )
    schema = {"privilege": pl.String} | dict.fromkeys(_QUARTERS, pl.Float64) | {"markers": pl.Int64}
    return pl.DataFrame(rows, schema=schema)
