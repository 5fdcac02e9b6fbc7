"""Format estimates as the terminal, the report and the card show them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from infogap.effects.bootstrap_intervals import FEWEST_TASKS
from infogap.effects.compared_traces import LENGTH, SCORE, Quantity
from infogap.effects.paired_differences import Difference
from infogap.effects.privilege_worth import Worth
from infogap.effects.task_estimates import Estimate
from infogap.effects.teacher_ranking import TeacherRanking
from infogap.effects.teacher_results import Effects

if TYPE_CHECKING:
    from rich.table import Table


_HEADINGS = {
    "score": "score",
    "epistemic_count": "markers",
    "epistemic_density": "per 1,000",
    "gap_per_token": "gap/token",
    "surprisal": "surprisal",
    "rsr": "RSR",
}
_FORMS = {
    "score": ".2f",
    "length": ",.0f",
    "epistemic_count": ".2f",
    "epistemic_density": ".2f",
    "gap_per_token": ".3f",
    "surprisal": ".3f",
    "rsr": ".2f",
}
_OTHER_FORM = ",.3f"
_LEAK_FORM = ".1%"


def figure_table(title: str, names: list[str], figures: list[str]) -> Table:
    """Make an empty table with columns of names, then of figures; `title` may be empty."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, header_style="bold")
    for name in names:
        table.add_column(name, overflow="fold", no_wrap=True)
    for figure in figures:
        table.add_column(Text(figure, overflow="fold"), justify="right")  # where there is no room, no letter is lost
    return table


def heading(quantity: Quantity, unit: str) -> str:
    """Return a quantity's heading: score, tokens, kim2026 markers, kim2026 per 1,000."""
    if quantity.name == "length":
        return unit
    return " ".join(filter(None, (quantity.lexicon, _HEADINGS.get(quantity.name, quantity.name))))


def number(value: float | None, quantity: Quantity, sign: str = "") -> str:
    """Format a quantity's value."""
    return "-" if value is None else format(value, f"{sign}{_FORMS.get(quantity.name, _OTHER_FORM)}")


def interval(row: Estimate, sign: str = "", form: str = "") -> str:
    """Format an interval, or say why there is none; `form` replaces the quantity's own format.

    A difference has a `sign`: of its tasks, some differ from `unguided`; of a mean's, some from the rest.
    """
    if row.low is None or row.high is None:
        if row.tasks < FEWEST_TASKS:
            return "too few tasks"
        if not row.differing:
            return "all tasks alike"
        if not sign:
            return f"all but {row.differing} alike"
        return f"only {row.differing} differ{'s' if row.differing == 1 else ''}"
    if form:
        return f"{row.low:{form}} to {row.high:{form}}"
    return f"{number(row.low, row.quantity, sign)} to {number(row.high, row.quantity, sign)}"


@dataclass(frozen=True)
class EstimateRow:
    """A line of a table. `name` is a privilege or a teacher; `marked` if the interval excludes 0."""

    name: str
    of: str
    tasks: str
    mean: str
    interval: str
    marked: bool


@dataclass(frozen=True)
class DifferenceCell:
    """A difference as text, with its interval or the reason why there is none; `marked` if it excludes 0."""

    text: str
    marked: bool


@dataclass(frozen=True)
class DifferenceRow:
    """The differences of one privilege; `tasks` is the largest number of tasks that one of them is over."""

    privilege: str
    role: str
    tasks: int
    cells: list[DifferenceCell]


@dataclass(frozen=True)
class DifferenceTable:
    """One teacher's differences to `unguided`: a heading per quantity, a row per privilege."""

    effects: Effects
    headings: list[str]
    rows: list[DifferenceRow]


def difference_table(effects: Effects) -> DifferenceTable:
    """Make the table of accuracy, length and markers per 1,000 by the first lexicon."""
    densities = [quantity for quantity in effects.quantities if quantity.name == "epistemic_density"]
    shown = [SCORE, LENGTH, *densities[:1]]
    headings = ["accuracy", effects.unit, *(f"markers per 1,000 {effects.unit}" for _ in densities[:1])]
    rows = []
    for privilege in dict.fromkeys(row.privilege for row in effects.differences):
        own = {row.quantity: row for row in effects.differences if row.privilege == privilege}
        cells = [_difference_cell(own.get(quantity)) for quantity in shown]
        tasks = max((row.tasks for quantity, row in own.items() if quantity in shown), default=0)
        rows.append(DifferenceRow(privilege, effects.role(privilege), tasks, cells))
    return DifferenceTable(effects, headings, rows)


def _difference_cell(row: Difference | None) -> DifferenceCell:
    if row is None:
        return DifferenceCell("–", marked=False)
    return DifferenceCell(f"{number(row.mean, row.quantity, '+')} ({interval(row, '+')})", row.excludes_zero)


def worth_rows(worth: list[Worth]) -> list[EstimateRow]:
    """Make a line per privilege and number."""
    return [_worth_row(row) for row in worth]


def _worth_row(row: Worth) -> EstimateRow:
    estimate = row.estimate
    if row.what == "leak_rate":
        mean, bounds = format(estimate.mean, _LEAK_FORM), interval(estimate, form=_LEAK_FORM)
        return EstimateRow(row.privilege, "leak rate", f"{estimate.tasks:,}", mean, bounds, marked=False)
    named = {
        "accuracy": f"accuracy - {row.against}",
        "gap": f"gap - {row.against}",
        "density": f"markers - {row.against}",
    }
    mean = number(estimate.mean, estimate.quantity, "+")
    bounds = interval(estimate, sign="+")
    return EstimateRow(row.privilege, named[row.what], f"{estimate.tasks:,}", mean, bounds, estimate.excludes_zero)


def teacher_rows(ranking: TeacherRanking, named: Callable[[str], str] = str) -> list[EstimateRow]:
    """Make a line per teacher and quantity, in the order of the ranking; `named` returns the name to show."""
    return [
        _teacher_row(f"{rank}. {named(row.teacher)}", estimate, quantity, ranking.unit)
        for rank, row in enumerate(ranking.teachers, 1)
        for quantity, estimate in row.estimates.items()
    ]


def _teacher_row(name: str, estimate: Estimate, quantity: Quantity, unit: str) -> EstimateRow:
    of = "accuracy" if quantity.name == "score" else heading(quantity, unit)
    mean = number(estimate.mean, quantity)
    return EstimateRow(name, of, f"{estimate.tasks:,}", mean, interval(estimate), marked=False)
