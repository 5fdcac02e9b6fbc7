"""Compute the effects of privileges, teacher by teacher, from the tables of a run.

The first table is that of Kim et al. 2026 (arXiv 2603.24472), section 3: score, length and epistemic count for each
privilege.
"""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from infogap.effects.caveats import notes
from infogap.effects.compared_traces import (
    Quantity,
    lexicons_of,
    measured_numbers,
    quantities,
    samples,
    with_lengths,
)
from infogap.effects.paired_differences import paired_differences, task_means
from infogap.effects.pass_at_k import pass_counts, passes
from infogap.effects.privilege_worth import decoy_gaps, worth_notes, worth_of
from infogap.effects.teacher_results import ContrastDifference, Effects, Means
from infogap.effects.trace_summary import richness_of
from infogap.privileges.ladder import contrasts_among, privileges_by_label
from infogap.recipe import Recipe
from infogap.runs.run_folder import Run
from infogap.schema import TASKS


def effects_of(run: Run, with_verdicts: bool = True) -> list[Effects]:
    """Return the effects of each teacher, sorted by teacher; without `with_verdicts` there are no scores.

    Reads the tables tasks, traces, measures and verdicts. Traces of tasks that `select` leaves out do not count. Raises
    InputError without `with_verdicts` where `select` keeps tasks by their verdicts.
    """
    lexicons = lexicons_of(run)
    measured = measured_numbers(run)
    rows = samples(run, lexicons, with_verdicts)
    about = run.scan(TASKS).select("task_id", "family", "difficulty").collect()
    decoys = decoy_gaps(run)
    teachers = rows["teacher"].unique().sort().to_list()
    return [
        _effects(run.recipe, teacher, _only(rows, pl.col("teacher") == teacher), about, decoys, lexicons, measured)
        for teacher in teachers
    ]


def _only(rows: pl.DataFrame, which: pl.Expr) -> pl.DataFrame:
    """Filter rows, without a copy if all of them are wanted."""
    wanted = rows.select(which).to_series()
    return rows if wanted.all() else rows.filter(wanted)


def _effects(
    recipe: Recipe,
    teacher: str,
    rows: pl.DataFrame,
    about: pl.DataFrame,
    decoys: pl.DataFrame,
    lexicons: list[str],
    measured: list[str],
) -> Effects:
    rows, unit = with_lengths(rows, lexicons)
    of = quantities(lexicons, measured, scored=recipe.measure.gap is not None)
    means = _means(rows, of, recipe)
    labels = [row.privilege for row in means]
    unguided = recipe.generate.unguided.label if recipe.generate else "unguided"
    baseline = unguided if unguided in labels else None
    unconditional = _only(rows, pl.col("unconditional"))
    per_task = task_means(unconditional, of)
    against_unguided = [(label, baseline) for label in labels if baseline is not None and label != baseline]
    contrasts = {(label, control): contrast for label, control, contrast in contrasts_among(recipe, labels)}
    compared = paired_differences(per_task, [*against_unguided, *contrasts], of, recipe.seed)
    counts = pass_counts(unconditional)
    effects = Effects(
        teacher=teacher,
        unguided=baseline,
        unit=unit,
        quantities=of,
        means=means,
        differences=[row for row in compared if (row.privilege, row.against) not in contrasts],
        contrasts=[
            ContrastDifference(contrasts[row.privilege, row.against], row)
            for row in compared
            if (row.privilege, row.against) in contrasts
        ],
        passes=[row for label in labels if (row := passes(counts, label)).tasks],
        task_counts=counts,
        about_tasks=about,
    )
    worth = worth_of(recipe, unconditional, decoys, means, effects.differences, effects.contrasts)
    about_worth = worth_notes(worth, unit, scored=recipe.measure.gap is not None)
    return replace(effects, worth=worth, worth_notes=about_worth, notes=notes(recipe, rows, effects))


def _means(rows: pl.DataFrame, of: list[Quantity], recipe: Recipe) -> list[Means]:
    """Return a row per privilege, from the poorest to the richest."""
    answered = ~pl.col("failed")
    table = rows.group_by("privilege", maintain_order=True).agg(
        *(pl.col(quantity.column).filter(answered).mean() for quantity in of),
        tasks=pl.col("task_id").filter(answered).n_unique(),
        traces=answered.sum(),
        failures=pl.col("failed").sum(),
        graded=pl.col("score").count(),
        truncations=pl.col("truncated").filter(answered).sum(),
    )
    richness = richness_of(recipe)
    roles: dict[str, str] = {label: privilege.role for label, privilege in privileges_by_label(recipe).items()}
    means = [
        Means(
            row["privilege"],
            roles.get(row["privilege"], "privilege"),
            row["tasks"],
            row["traces"],
            row["failures"],
            row["graded"],
            row["truncations"],
            {quantity: row[quantity.column] for quantity in of},
        )
        for row in table.iter_rows(named=True)
    ]
    return sorted(means, key=lambda row: (richness.get(row.privilege, float("inf")), row.privilege))
