"""Select the tasks worth more samples: those that the unguided teacher solves some of the time.

Kim et al. 2026 (arXiv 2603.24472) keep the questions that their teacher solves 1 to 4 times of 8.
"""

from __future__ import annotations

import polars as pl

from infogap.recipe.generate_section import Select
from infogap.runs.run_folder import Run
from infogap.schema import TRACES, VERDICTS

SELECTED = "selected"
PROBED = ("task_id", "teacher")  # whose pass rate decides: each teacher is probed with tasks of its own
GRADED = ("correct", "wrong", "no_answer", "truncated")  # verdicts that count in a pass rate


def decision(select: Select, correct: int, graded: int) -> str:
    """Return SELECTED, or why a task is not: `correct` of its `graded` unguided samples are correct."""
    if not graded:
        return "without a verdict"
    rate = correct / graded
    if rate < select.pass_rate[0]:
        return "solved too rarely"
    return "solved too often" if rate > select.pass_rate[1] else SELECTED


def not_selected(run: Run, verdicts: pl.LazyFrame | None = None) -> pl.LazyFrame:
    """Return the tasks (task_id, teacher) that the recipe's `select` leaves out; none if it has no `select`.

    `verdicts` replaces the verdicts table while that does not exist.
    """
    generate = run.recipe.generate
    if generate is None or generate.select is None:
        return TRACES.empty().lazy().select(PROBED)
    select = generate.select
    probe = (pl.col("privilege") == generate.unguided.label) & (pl.col("sample") < select.samples)
    by_task = (
        run.scan(TRACES)
        .filter(probe)
        .select("trace_id", *PROBED)
        .join(
            (run.scan(VERDICTS) if verdicts is None else verdicts).select("trace_id", "verdict"),
            on="trace_id",
            how="left",
        )
        .group_by(PROBED)
        .agg(
            correct=(pl.col("verdict") == "correct").sum(),
            graded=pl.col("verdict").is_in(GRADED).sum(),
        )
        .collect()
    )
    left_out = [
        tuple(row[name] for name in PROBED)
        for row in by_task.iter_rows(named=True)
        if decision(select, row["correct"], row["graded"]) != SELECTED
    ]
    return pl.LazyFrame(sorted(left_out), schema=dict.fromkeys(PROBED, pl.String), orient="row")
