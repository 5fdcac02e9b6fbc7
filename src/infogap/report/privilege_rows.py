"""Make the report's first table: each privilege's accuracy, length and density, with intervals, for each teacher."""

from __future__ import annotations

from dataclasses import dataclass, replace

import polars as pl

from infogap.effects.bootstrap_intervals import FEWEST_TASKS, LEVEL
from infogap.effects.compared_traces import LENGTH, SCORE, Quantity, lexicons_of, samples, with_lengths
from infogap.effects.task_estimates import Estimate, estimates, task_values
from infogap.effects.trace_summary import PrivilegeFigures, richness_of
from infogap.privileges.ladder import privileges_by_label
from infogap.runs.run_folder import Run


@dataclass(frozen=True)
class PrivilegeRow:
    """One privilege: what it shows, how many traces it has, and the means over tasks of three quantities.

    `role` is `privilege`, `control` or `style`. An estimate is None if no trace has the quantity. The accuracy of one
    trace a task that is nearly always right, or wrong, has Wilson's interval, as resampling gives none.
    """

    privilege: str
    role: str
    shows: str
    tasks: int
    traces: int
    failed: int
    estimates: list[Estimate | None]


@dataclass(frozen=True)
class TeacherRows:
    """One teacher's rows, from the poorest privilege to the richest, with the quantities and the unit of length."""

    teacher: str
    unit: str
    quantities: list[Quantity]
    rows: list[PrivilegeRow]


def privilege_rows(run: Run, figures: list[PrivilegeFigures]) -> list[TeacherRows]:
    """Make the rows of every teacher. `figures` is from `by_privilege`."""
    lexicons = lexicons_of(run)
    traces = samples(run, lexicons)
    known, richness = privileges_by_label(run.recipe), richness_of(run.recipe)
    tables = []
    for (teacher,), rows in sorted(traces.partition_by("teacher", as_dict=True).items()):
        with_length, unit = with_lengths(rows, lexicons)
        answered = with_length.filter(~pl.col("failed"))
        quantities = [SCORE, LENGTH, *(Quantity("epistemic_density", lexicon) for lexicon in lexicons[:1])]
        own = {row.privilege: row for row in figures if row.teacher == teacher}
        labels = sorted(own, key=lambda label: (richness.get(label, float("inf")), label))
        values = {
            (label, quantity): (quantity, task_values(answered.filter(privilege=label), quantity, "task_id"))
            for label in labels
            for quantity in quantities
        }
        means = {
            key: _with_wilson(estimate, values[key][1]) for key, estimate in estimates(values, run.recipe.seed).items()
        }
        made = [
            PrivilegeRow(
                label,
                known[label].role if label in known else "privilege",
                known[label].shows if label in known else "",
                own[label].tasks,
                own[label].traces,
                own[label].failed,
                [means.get((label, quantity)) for quantity in quantities],
            )
            for label in labels
        ]
        tables.append(TeacherRows(str(teacher), unit, quantities, made))
    return tables


def _with_wilson(estimate: Estimate, values: pl.DataFrame) -> Estimate:
    """Give an accuracy without an interval Wilson's, if each of enough tasks is either right or wrong.

    Wilson 1927, "Probable Inference, the Law of Succession, and Statistical Inference", JASA 22(158).
    """
    every = values["value"]
    if (
        estimate.quantity != SCORE
        or estimate.low is not None
        or estimate.tasks < FEWEST_TASKS
        or not every.is_in([0.0, 1.0]).all()
    ):
        return estimate
    from scipy.stats import binomtest

    bounds = binomtest(int(every.sum()), estimate.tasks).proportion_ci(LEVEL, method="wilson")
    return replace(estimate, low=float(bounds.low), high=float(bounds.high))
