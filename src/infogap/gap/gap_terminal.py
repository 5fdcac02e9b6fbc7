"""Print the summary of a run's scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infogap.console import stdout
from infogap.gap.calibration import UNSURE, Calibration, Group
from infogap.gap.gap_tables import GapTable

if TYPE_CHECKING:
    from rich.table import Table

TRACES_SHOWN = 10


def print_gap_table(summary: GapTable) -> None:
    """Print all tables to stdout."""
    console = stdout()
    _show(f"Gap in nats, surprisal in nats per token, by {summary.scorer}: means", _privileges(summary))
    if any(row.others for row in summary.privileges):
        _show("Gap per token with another context in the place of the teacher's: means", _others(summary))
    if summary.unscored:
        console.print(f"Not scored: {summary.unscored:,} traces; `detail` in the gaps table says why.", style="dim")
    if not summary.calibration.traces:
        console.print(
            "No calibration: of no trace both the final answer's probability and its verdict are known.", style="dim"
        )
        return
    error = _number(summary.calibration.error, ".3f")
    _show(f"Final answers, likely and right: expected calibration error {error}", _bins(summary))
    _show("By privilege", _by_privilege(summary.calibration))
    if summary.calibration.bands:
        _show("By how sure the traces sound", _groups("band", summary.calibration.bands))
        _print_sure_and_not(summary.calibration)
    else:
        console.print("How sure the traces sound is not measured yet: infogap measure does it.", style="dim")


def _show(title: str, table: Table) -> None:
    """Print a table under a title, which may be wider than the table."""
    stdout().print(title, style="bold")
    stdout().print(table)


def _table(names: list[str], figures: list[str]) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in names:
        table.add_column(name, overflow="fold", no_wrap=True)
    for figure in figures:
        table.add_column(figure, justify="right")
    return table


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _privileges(summary: GapTable) -> Table:
    forms = {"gap": ".1f", "gap_per_token": ".3f", "gap_share": ".3f", "surprisal": ".3f", "ifd": ".3f"}
    headings = ["traces", "gap", "per token", "share above", "surprisal", "IFD"]
    table = _table(["privilege"], headings)
    for row in summary.privileges:
        figures = [_number(row.means[name], form) for name, form in forms.items()]
        table.add_row(row.privilege, f"{row.traces:,}", *figures)
    return table


def _others(summary: GapTable) -> Table:
    names = list(summary.privileges[0].others)
    table = _table(["privilege"], ["its own", *(name.replace("_", " ") for name in names)])
    for row in summary.privileges:
        figures = [_number(value, "+.3f") for value in (row.means["gap_per_token"], *row.others.values())]
        table.add_row(row.privilege, *figures)
    return table


def _bins(summary: GapTable) -> Table:
    return _groups("confidence", summary.calibration.bins)


def _groups(name: str, groups: list[Group]) -> Table:
    table = _table([name], ["traces", "mean", "accuracy"])
    for group in groups:
        table.add_row(group.name, f"{group.traces:,}", f"{group.confidence:.2f}", f"{group.accuracy:.2f}")
    return table


def _by_privilege(calibration: Calibration) -> Table:
    table = _table(["privilege"], ["traces", "confidence", "accuracy", "error"])
    for group, error in calibration.privileges:
        figures = (group.confidence, group.accuracy, error)
        table.add_row(group.name, f"{group.traces:,}", *(f"{figure:.2f}" for figure in figures))
    return table


def _print_sure_and_not(calibration: Calibration) -> None:
    console = stdout()
    every = calibration.sure_and_not
    if every.is_empty():
        console.print(f"No trace sounds sure (band confident) with an answer less likely than {UNSURE:g}.", style="dim")
        return
    table = _table(["trace", "privilege", "verdict"], ["confidence", "markers per 1,000"])
    for row in every.head(TRACES_SHOWN).iter_rows(named=True):
        figures = (f"{row['answer_confidence']:.3f}", _number(row["epistemic_density"], ".1f"))
        table.add_row(row["trace_id"], row["privilege"], row["verdict"], *figures)
    _show(f"{every.height:,} sound sure (band confident) with an answer less likely than {UNSURE:g}", table)
    if every.height > TRACES_SHOWN:
        console.print(f"... and {every.height - TRACES_SHOWN:,} more: --json has all", style="dim")
