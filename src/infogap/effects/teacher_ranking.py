"""Compare teachers on the tasks and privileges that all of them answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from infogap.effects.bootstrap_intervals import LEVEL
from infogap.effects.compared_traces import (
    LENGTH,
    SCORE,
    SCORED,
    Quantity,
    check_selection,
    lexicons_of,
    samples,
    with_lengths,
)
from infogap.effects.task_estimates import RSR, Estimate, estimates, task_values
from infogap.effects.trace_summary import richness_of
from infogap.runs.run_folder import Run
from infogap.schema import GAPS, TRACES


@dataclass(frozen=True)
class RankedTeacher:
    """One teacher: its traces in the comparison, and its estimate of each quantity."""

    teacher: str
    traces: int
    estimates: dict[Quantity, Estimate]


@dataclass(frozen=True)
class TeacherRanking:
    """The teachers, the most accurate first; among equals, and without scores, the one that fits the scorer best.

    `cells` counts the pairs of task and privilege that every teacher answered, `of_cells` those that any did. Lengths
    and densities are in words, as teachers have different tokens.
    """

    teachers: list[RankedTeacher]
    quantities: list[Quantity]
    unit: str
    privileges: list[str]
    tasks: int
    cells: int
    of_cells: int
    notes: list[str]

    def as_json(self) -> dict[str, Any]:
        """Return the table as JSON-able values."""
        return {
            "length_unit": self.unit,
            "privileges": self.privileges,
            "tasks": self.tasks,
            "task_privilege_pairs": self.cells,
            "of_task_privilege_pairs": self.of_cells,
            "teachers": [
                {
                    "rank": rank,
                    "teacher": row.teacher,
                    "traces": row.traces,
                    "of": [each.as_json() for each in row.estimates.values()],
                }
                for rank, row in enumerate(self.teachers, 1)
            ],
            "notes": self.notes,
        }


def rank_teachers(run: Run, with_verdicts: bool = True) -> TeacherRanking | None:
    """Compare a run's teachers; return None if there is only one.

    A quantity is compared over the pairs of task and privilege of which every teacher has a trace with a value: a
    task's value is the mean over its privileges, each the mean over the teacher's traces, and every task counts alike.
    Traces that were requested because of other traces' verdicts do not count, nor do tasks that `select` leaves out.
    Without `with_verdicts` there are no scores.

    Raises InputError without `with_verdicts` where `select` keeps tasks by their verdicts.
    """
    check_selection(run, with_verdicts)
    if run.scan(TRACES).select(pl.col("teacher").n_unique()).collect().item() < 2:
        return None
    lexicons = lexicons_of(run)[:1]
    traces = samples(run, lexicons, with_verdicts).filter(~pl.col("failed"), "unconditional")
    names = sorted(traces["teacher"].unique().to_list())
    if len(names) < 2:
        return None
    every = _cells(traces)
    cells = every.filter(pl.col("teachers") == len(names))
    shared = traces.join(cells, on=["task_id", "privilege"], how="semi")
    shared, unit = with_lengths(shared.with_columns(tokens=pl.lit(None, pl.Int64)), lexicons)
    density = [Quantity("epistemic_density", lexicon) for lexicon in lexicons]
    wanted = [SCORE, LENGTH, *density, *(SCORED if run.recipe.measure.gap is not None else ())]
    values = {
        (name, quantity): (quantity, rows)
        for quantity in wanted
        for name, rows in _by_teacher(task_values(shared, quantity, "teacher", "task_id", "privilege"), names)
    }
    by_key = estimates(values, run.recipe.seed)
    rows = [
        RankedTeacher(
            name,
            shared.filter(teacher=name).height,
            {quantity: by_key[name, quantity] for quantity in wanted if (name, quantity) in by_key},
        )
        for name in names
    ]
    richness = richness_of(run.recipe)
    ranking = TeacherRanking(
        teachers=sorted(rows, key=_best_first),
        quantities=[quantity for quantity in wanted if any(quantity in row.estimates for row in rows)],
        unit=unit,
        privileges=sorted(cells["privilege"].unique(), key=lambda name: (richness.get(name, float("inf")), name)),
        tasks=cells["task_id"].n_unique(),
        cells=cells.height,
        of_cells=every.height,
        notes=[],
    )
    ranking.notes.extend(_notes(run, ranking, traces))
    return ranking


def _cells(traces: pl.DataFrame) -> pl.DataFrame:
    """Count the teachers of every pair of task and privilege."""
    return traces.group_by("task_id", "privilege").agg(teachers=pl.col("teacher").n_unique())


def _by_teacher(values: pl.DataFrame, names: list[str]) -> list[tuple[str, pl.DataFrame]]:
    """Average each task over those of its privileges for which every teacher has a value."""
    counted = values.with_columns(teachers=pl.col("teacher").n_unique().over("task_id", "privilege"))
    tasks = (
        counted.filter(pl.col("teachers") == len(names))
        .group_by("teacher", "task_id")
        .agg(pl.col("value").mean(), pl.col("weight").mean())
    )
    return [(name, tasks.filter(teacher=name).drop("teacher")) for name in names]


def _best_first(row: RankedTeacher) -> tuple[float, float, str]:
    score, fit = row.estimates.get(SCORE), row.estimates.get(RSR)
    return -score.mean if score else 1.0, fit.mean if fit else float("inf"), row.teacher


def _notes(run: Run, ranking: TeacherRanking, traces: pl.DataFrame) -> list[str]:
    count = len(ranking.teachers)
    if not ranking.cells:
        fewest = traces.group_by("teacher").agg(pl.col("task_id").n_unique()).sort("task_id", "teacher").row(0)
        return [
            f"No ranking: no task was answered by all {count} teachers under the same privilege ({fewest[0]} answered "
            f"{fewest[1]:,} tasks)."
        ]
    notes = [
        f"Over {ranking.tasks:,} tasks and {ranking.cells:,} pairs of task and privilege "
        f"({', '.join(f'`{name}`' for name in ranking.privileges)}) that all {count} teachers answered, of "
        f"{ranking.of_cells:,} that any did. Intervals are bootstrapped over tasks ({LEVEL:.0%}); teachers whose "
        "intervals overlap much may be equally good."
    ]
    if any(quantity in SCORED for quantity in ranking.quantities):
        scorer = run.scan(GAPS).select("scorer").drop_nulls().head(1).collect()
        notes.append(
            f"Surprisal and RSR are those of {scorer.item() if scorer.height else 'the scorer'}: they show how well "
            "the traces fit it as a student. A lower RSR (Rank-Surprisal Ratio, arXiv 2601.14249) fits better."
        )
    else:
        notes.append("How well traces fit a student is not measured; add `measure: {gap: {scorer: STUDENT}}`.")
    return notes
