"""Rows of the tables of worth and of teachers, as text: the terminal, the report and the card show the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from infogap.effects.compared_traces import Quantity
from infogap.effects.privilege_worth import Worth
from infogap.effects.table_formats import heading, interval, number
from infogap.effects.task_estimates import Estimate
from infogap.effects.teacher_ranking import TeacherRanking

_LEAK_FORM = ".1%"


@dataclass(frozen=True)
class EstimateRow:
    """A line of a table. `name` is a privilege or a teacher; `marked` where an interval excludes 0."""

    name: str
    of: str
    tasks: str
    mean: str
    interval: str
    marked: bool


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
    excludes = estimate.low is not None and estimate.high is not None and (estimate.low > 0 or estimate.high < 0)
    bounds = interval(estimate, sign="+")
    return EstimateRow(row.privilege, named[row.what], f"{estimate.tasks:,}", mean, bounds, excludes)


def teacher_rows(ranking: TeacherRanking, named: Callable[[str], str] = str) -> list[EstimateRow]:
    """Make a line per teacher and quantity, in the order of the ranking; `named` gives the name that is shown."""
    return [
        _teacher_row(f"{rank}. {named(row.teacher)}", estimate, quantity, ranking.unit)
        for rank, row in enumerate(ranking.teachers, 1)
        for quantity, estimate in row.estimates.items()
    ]


def _teacher_row(name: str, estimate: Estimate, quantity: Quantity, unit: str) -> EstimateRow:
    of = "accuracy" if quantity.name == "score" else heading(quantity, unit)
    mean = number(estimate.mean, quantity)
    return EstimateRow(name, of, f"{estimate.tasks:,}", mean, interval(estimate), marked=False)
