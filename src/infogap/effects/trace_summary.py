"""Summarize a run's traces: one narrow row each, and the figures of each privilege.

The card, the report and the terminal take their numbers from here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import polars as pl

from infogap.privileges.ladder import privileges_by_label
from infogap.recipe import Recipe
from infogap.runs.run_folder import Run
from infogap.schema import DERIVATIONS, DUPLICATES, MEASURES, MIX, TASKS, TRACES, VERDICTS
from infogap.teachers.base import backend_of

Frame = TypeVar("Frame", pl.DataFrame, pl.LazyFrame)


@dataclass(frozen=True)
class PrivilegeFigures:
    """One teacher's traces under one privilege.

    Failed requests count in `failed` only; means are None if nothing could be measured.
    """

    teacher: str
    privilege: str
    tasks: int  # with an answered request
    traces: int
    failed: int
    selected: int
    graded: int  # with a verdict other than `ungradable`
    correct: int
    tokens: float | None  # mean completion tokens
    density: float | None  # mean over the traces of their epistemic density

    @property
    def accuracy(self) -> float | None:
        """The share of correct ones among graded traces; truncated ones and those without an answer are not correct."""
        return self.correct / self.graded if self.graded else None


def traces_in_short(run: Run) -> pl.DataFrame:
    """Return a narrow row per trace, without its text, for everything that the card counts.

    Columns with few values are categorical: a million traces take a hundred megabytes.
    """
    failed = pl.col("error").is_not_null()
    derivations = run.scan(DERIVATIONS) if run.recipe.derive else DERIVATIONS.empty().lazy()
    categories = ("privilege", "teacher", "family", "verifier", "verdict", "band", "density_per", "reason")
    return (
        run.scan(TRACES)
        .select("trace_id", "task_id", "privilege", "teacher", "completion_tokens", failed=failed)
        .join(run.scan(TASKS).select("task_id", "family", "verifier"), on="task_id", how="left")
        .join(run.scan(VERDICTS).select("trace_id", "verdict"), on="trace_id", how="left")
        .join(
            run.scan(MEASURES).select("trace_id", "words", "band", "epistemic_density", "density_per", "leak"),
            on="trace_id",
            how="left",
        )
        .join(run.scan(DUPLICATES).select("trace_id", "duplicate_of"), on="trace_id", how="left")
        .join(_in_any_mix(run), on="trace_id", how="left")
        .join(derivations.select("trace_id", "derived"), on="trace_id", how="left")
        .with_columns(pl.col("selected", "leak").fill_null(False), pl.col(categories).cast(pl.Categorical))
        .collect()
        .sort("trace_id")
    )


def _in_any_mix(run: Run) -> pl.LazyFrame:
    """Return, per trace, if a mix selected it, and `selected` or the first mix's reason for leaving it out."""
    reason = pl.col("reason")
    return (
        run.scan(MIX)
        .group_by("trace_id", maintain_order=True)
        .agg(
            pl.col("selected").any(),
            pl.when(pl.col("selected").any()).then(pl.lit("selected")).otherwise(reason.first()).alias("reason"),
        )
    )


def by_privilege(traces: pl.DataFrame, recipe: Recipe) -> list[PrivilegeFigures]:
    """Return a row per teacher and privilege, the privileges from the poorest to the richest.

    Probes of tasks that `select` leaves out do not count: otherwise `unguided` would have other tasks than the rest.
    Nor do derived traces, which no teacher wrote.
    """
    answered = pl.col("failed").not_()
    graded = answered & pl.col("verdict").is_not_null() & (pl.col("verdict") != "ungradable")
    table = (
        of_selected_tasks(traces.lazy())
        .filter(pl.col("derived").is_null())
        .group_by("teacher", "privilege")
        .agg(
            tasks=pl.col("task_id").filter(answered).n_unique(),
            traces=answered.sum(),
            failed=pl.col("failed").sum(),
            selected=pl.col("selected").sum(),
            graded=graded.sum(),
            correct=(graded & (pl.col("verdict") == "correct")).sum(),
            tokens=pl.col("completion_tokens").filter(answered).mean(),
            density=pl.col("epistemic_density").filter(answered).mean(),
        )
    )
    richness = richness_of(recipe)
    figures = [PrivilegeFigures(**row) for row in table.collect().iter_rows(named=True)]
    return sorted(figures, key=lambda row: (richness.get(row.privilege, float("inf")), row.privilege, row.teacher))


def of_selected_tasks(traces: Frame) -> Frame:
    """Drop the probes of tasks that the recipe's `select` leaves out."""
    return traces.filter(pl.col("reason").ne_missing("task_not_selected"))


def how_chosen(recipe: Recipe) -> list[str]:
    """Return caveats for reading accuracies: how tasks and samples were selected, and whose attempts were shown.

    Each is a sentence in Markdown; none if every task was sampled equally often under every privilege.
    """
    generate = recipe.generate
    if generate is None:
        return []
    caveats = [caveat for each in recipe.every_teacher.values() if (caveat := backend_of(each).caveat(each))]
    said = list(dict.fromkeys(caveats))
    if select := generate.select:
        low, high = select.pass_rate
        said.append(
            f"Only tasks that the unguided teacher solved at a rate of {low:g} to {high:g} in {select.samples} tries. "
            "These tries count as traces, so that the accuracy of the unguided teacher follows from the selection; "
            "those of tasks that were not selected are in neither the mix nor this table."
        )
    if until := generate.until:
        correct = "1 correct trace" if until.correct == 1 else f"{until.correct} correct traces"
        said.append(
            f"Each task was sampled {generate.samples} at a time under each privilege until it had {correct}, at most "
            f"{until.max_attempts} times: hard tasks have more traces than easy ones, so the accuracy is not the "
            "teacher's rate on these tasks."
        )
    for kind in ("right", "wrong"):
        shown = [f"`{use.label}` (of `{use.source}`)" for use in generate.uses if use.attempts == kind]
        if shown:
            said.append(f"Sampled only for tasks with a {kind} attempt to show: {', '.join(shown)}.")
    if chained := [use for use in generate.uses if use.turns > 1]:
        turns = ", ".join(f"`{use.label}` {use.turns}" for use in chained)
        said.append(f"Sampled again after a wrong answer, each turn a trace of its own; turns at most: {turns}.")
    return said


def density_unit(traces: pl.DataFrame) -> str:
    """Return the unit of which densities of teachers' traces count markers per 1,000: tokens, words, or either."""
    written = traces.filter(pl.col("derived").is_null())
    return " or ".join(sorted(written["density_per"].drop_nulls().unique().to_list())) or "tokens"


def several_teachers(rows: list[PrivilegeFigures]) -> bool:
    """Return True if a table of these rows needs to name the teachers."""
    return len({row.teacher for row in rows}) > 1


def count_by(traces: pl.DataFrame, column: str) -> dict[str, int]:
    """Count the values of a column, the most frequent first."""
    counts = traces.drop_nulls(column).group_by(column).len().sort("len", column, descending=[True, False])
    return dict(counts.iter_rows())


def richness_of(recipe: Recipe) -> dict[str, float]:
    """Return the richness of every privilege by its label: the ladder's, and the recipe's own."""
    return {label: float(privilege.richness) for label, privilege in privileges_by_label(recipe).items()}
