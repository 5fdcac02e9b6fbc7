"""Summarize the scores of a run by privilege, and print the summary."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from infogap.console import stdout
from infogap.effects.estimate_rows import figure_table
from infogap.effects.trace_summary import richness_of
from infogap.gap.calibration import UNLIKELY, Calibration, Group, calibration, confidences
from infogap.runs.run_folder import Run
from infogap.schema import GAPS, TRACES
from infogap.verify.pass_rate_filter import PROBED, not_selected

if TYPE_CHECKING:
    from rich.table import Table


TRACES_SHOWN = 10
_MEANS = ("gap", "gap_per_token", "gap_share", "surprisal", "ifd", "answer_confidence")


@dataclass(frozen=True)
class Gaps:
    """One privilege's scored traces: their number, and the mean of each metric over those that have it.

    `rsr` is not a mean but the ratio of all traces together: their mean rank over their mean surprisal, each trace with
    the same weight (arXiv 2601.14249, appendix A.8).
    """

    privilege: str
    traces: int
    with_gap: int
    means: dict[str, float | None]
    others: dict[str, float | None]  # by context: the mean gap per token with it in place of the teacher's


@dataclass(frozen=True)
class GapTable:
    """The summary of a run's scores."""

    scorer: str
    unscored: int
    privileges: list[Gaps]
    calibration: Calibration

    def as_json(self) -> dict[str, Any]:
        """Return the summary as JSON-able values."""
        groups = self.calibration
        return {
            "scorer": self.scorer,
            "unscored": self.unscored,
            "privileges": [asdict(row) for row in self.privileges],
            "calibration": {
                "traces": groups.traces,
                "unjudged": groups.ungraded,
                "expected_calibration_error": groups.error,
                "bins": [asdict(group) for group in groups.bins],
                "privileges": [
                    asdict(group) | {"expected_calibration_error": error} for group, error in groups.privileges
                ],
                "bands": [asdict(group) for group in groups.bands],
                "sure_and_not": groups.overconfident.to_dicts(),
            },
        }


def gap_table(run: Run, *, measured: bool) -> GapTable:
    """Summarize the scores of the tasks that `select` keeps; `measured`: the traces' bands are known."""
    gap = run.recipe.measure.gap
    assert gap is not None
    scored = (
        run.scan(TRACES)
        .select("trace_id", "task_id", "privilege", "teacher")
        .join(not_selected(run), on=PROBED, how="anti")
        .drop("teacher")
        .join(run.scan(GAPS), on="trace_id")
        .with_columns(_other(name).alias(f"other {name}") for name in gap.contexts)
        .collect()
        .sort("trace_id")
    )
    richness = richness_of(run.recipe)
    groups = {str(name): rows for (name,), rows in scored.partition_by("privilege", as_dict=True).items()}
    ordered = sorted(groups, key=lambda name: (richness.get(name, float("inf")), name))
    return GapTable(
        scorer=str(scored["scorer"][0]) if scored.height else "",
        unscored=int(scored["surprisal"].null_count()),
        privileges=[_gaps(name, groups[name], list(gap.contexts)) for name in ordered],
        calibration=calibration(confidences(run, measured=measured)),
    )


def _other(name: str) -> pl.Expr:
    entry = pl.element().struct
    return (
        pl.col("other_contexts")
        .list.eval(pl.when(entry.field("context") == name).then(entry.field("gap_per_token")))
        .list.drop_nulls()
        .list.first()
    )


def _gaps(privilege: str, rows: pl.DataFrame, contexts: list[str]) -> Gaps:
    return Gaps(
        privilege,
        rows["surprisal"].count(),
        rows["gap"].count(),
        {name: _mean(rows[name]) for name in _MEANS} | {"rsr": ratio_of_all(rows)},
        {name: _mean(rows[f"other {name}"]) for name in contexts},
    )


def ratio_of_all(rows: pl.DataFrame) -> float | None:
    """Compute the Rank-Surprisal Ratio of several traces: the average of their ratios, weighted by surprisal.

    A trace's ratio times its surprisal is its mean clipped rank. None if no trace has a ratio.
    """
    known = rows.drop_nulls("rsr")
    total = float(known["surprisal"].sum())
    return float((known["rsr"] * known["surprisal"]).sum()) / total if total > 0 else None


def _mean(values: pl.Series) -> float | None:
    mean = values.cast(pl.Float64).mean()
    return float(mean) if isinstance(mean, float) else None


def print_gap_table(summary: GapTable) -> None:
    """Print all tables to stdout."""
    console = stdout()
    _show(f"Gap in nats, surprisal in nats per token, by {summary.scorer}: means", _privileges(summary))
    if any(row.others for row in summary.privileges):
        _show("Gap per token with another context in place of the teacher's: means", _others(summary))
    if summary.unscored:
        console.print(f"Not scored: {summary.unscored:,} traces; `detail` in the gaps table says why.", style="dim")
    if not summary.calibration.traces:
        console.print("No calibration: no trace has both a probability of its final answer and a verdict.", style="dim")
        return
    error = _number(summary.calibration.error, ".3f")
    _show(f"Calibration of the final answers: expected calibration error {error}", _bins(summary))
    _show("By privilege", _by_privilege(summary.calibration))
    if summary.calibration.bands:
        _show("By how confident the traces sound", _groups("band", summary.calibration.bands))
        _print_overconfident(summary.calibration)
    else:
        console.print("How confident the traces sound is not measured yet; run infogap measure.", style="dim")


def _show(title: str, table: Table) -> None:
    """Print a table under a title, which may be wider than the table."""
    stdout().print(title, style="bold")
    stdout().print(table)


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _privileges(summary: GapTable) -> Table:
    forms = {"gap": ".1f", "gap_per_token": ".3f", "gap_share": ".3f", "surprisal": ".3f", "ifd": ".3f", "rsr": ".2f"}
    headings = ["traces", "gap", "per token", "share above", "surprisal", "IFD", "RSR"]
    table = figure_table("", ["privilege"], headings)
    for row in summary.privileges:
        figures = [_number(row.means[name], form) for name, form in forms.items()]
        table.add_row(row.privilege, f"{row.traces:,}", *figures)
    return table


def _others(summary: GapTable) -> Table:
    names = list(summary.privileges[0].others)
    table = figure_table("", ["privilege"], ["its own", *(name.replace("_", " ") for name in names)])
    for row in summary.privileges:
        figures = [_number(value, "+.3f") for value in (row.means["gap_per_token"], *row.others.values())]
        table.add_row(row.privilege, *figures)
    return table


def _bins(summary: GapTable) -> Table:
    return _groups("confidence", summary.calibration.bins)


def _groups(name: str, groups: list[Group]) -> Table:
    table = figure_table("", [name], ["traces", "mean", "accuracy"])
    for group in groups:
        table.add_row(group.name, f"{group.traces:,}", f"{group.confidence:.2f}", f"{group.accuracy:.2f}")
    return table


def _by_privilege(calibration: Calibration) -> Table:
    table = figure_table("", ["privilege"], ["traces", "confidence", "accuracy", "error"])
    for group, error in calibration.privileges:
        figures = (group.confidence, group.accuracy, error)
        table.add_row(group.name, f"{group.traces:,}", *(f"{figure:.2f}" for figure in figures))
    return table


def _print_overconfident(calibration: Calibration) -> None:
    console = stdout()
    every = calibration.overconfident
    if every.is_empty():
        console.print(f"No trace sounds confident (band) with an answer less likely than {UNLIKELY:g}.", style="dim")
        return
    table = figure_table("", ["trace", "privilege", "verdict"], ["confidence", "markers per 1,000"])
    for row in every.head(TRACES_SHOWN).iter_rows(named=True):
        figures = (f"{row['answer_confidence']:.3f}", _number(row["epistemic_density"], ".1f"))
        table.add_row(row["trace_id"], row["privilege"], row["verdict"], *figures)
    _show(f"{every.height:,} traces sound confident (band) with an answer less likely than {UNLIKELY:g}", table)
    if every.height > TRACES_SHOWN:
        console.print(f"... and {every.height - TRACES_SHOWN:,} more: --json lists all", style="dim")
