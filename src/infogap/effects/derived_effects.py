"""Compare derived traces with the traces that they were made from: what each change did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from infogap.effects.compared_traces import LENGTH, SCORE, Quantity, lexicons_of
from infogap.effects.estimate_rows import figure_table, heading, interval, number
from infogap.effects.paired_differences import Difference, paired_differences, task_means
from infogap.runs.run_folder import Run
from infogap.schema import DERIVATIONS, MEASURES, TRACES, VERDICTS
from infogap.verify.pass_rate_filter import GRADED

if TYPE_CHECKING:
    from rich.table import Table

_PARENTS = "parents"
_SURPRISAL = Quantity("surprisal")
UNIT = "words"
"""The unit of lengths: a derived trace has no token count, as no teacher wrote it."""


@dataclass(frozen=True)
class DerivedEffect:
    """One change: its traces, their means and their parents' means over tasks, and the differences between them."""

    name: str
    traces: int
    differences: list[Difference]
    before: dict[Quantity, float | None]  # means of the parents

    def as_json(self) -> dict[str, Any]:
        """Return JSON-able values: `derived`, `traces`, and `differences` with the parents' mean `before`."""
        rows = [row.as_json() | {"before": self.before[row.quantity]} for row in self.differences]
        return {"derived": self.name, "traces": self.traces, "differences": rows}


def derived_effects(run: Run) -> list[DerivedEffect]:
    """Compare each change's traces with their parents, in the recipe's order; empty if the recipe derives none.

    Length is in words; density is markers per 1,000 words by the recipe's first lexicon; surprisal is in nats per
    token, where traces were scored. Each difference is the mean over tasks of (mean of the task's derived traces, minus
    that of their parents), with its 95 % interval over tasks.
    """
    if not run.recipe.derive:
        return []
    density = [Quantity("epistemic_density", lexicon) for lexicon in lexicons_of(run)[:1]]
    of = [SCORE, LENGTH, *density, _SURPRISAL]
    traces = _numbers(run, density)
    derivations = run.scan(DERIVATIONS).collect()
    effects = []
    for entry in run.recipe.derive:
        own = derivations.filter(derived=entry.name)
        after = traces.join(own, on="trace_id").with_columns(privilege=pl.lit(entry.name))
        before = traces.join(own.select(trace_id="parent_id"), on="trace_id").with_columns(privilege=pl.lit(_PARENTS))
        both = pl.concat([after.select(before.columns), before])
        known = [quantity for quantity in of if both[quantity.column].count()]
        means = task_means(both, known)
        differences = paired_differences(means, [(entry.name, _PARENTS)], known, run.recipe.seed)
        of_parents = means.filter(privilege=_PARENTS)
        effects.append(
            DerivedEffect(
                entry.name,
                own.height,
                differences,
                {quantity: _mean(of_parents[quantity.column]) for quantity in known},
            )
        )
    return effects


def _mean(values: pl.Series) -> float | None:
    mean = values.cast(pl.Float64).mean()
    return mean if isinstance(mean, float) else None


def _numbers(run: Run, density: list[Quantity]) -> pl.DataFrame:
    """Return a row per trace: `trace_id`, `task_id`, `privilege`, and a column per quantity."""
    words = pl.when(pl.col("words") > 0).then(pl.col("words"))
    score = pl.when(pl.col("verdict").is_in(GRADED)).then((pl.col("verdict") == "correct").cast(pl.Float64))
    return (
        run.scan(TRACES)
        .select("trace_id", "task_id", "privilege")
        .join(run.scan(VERDICTS).select("trace_id", "verdict"), on="trace_id", how="left")
        .join(run.scan(MEASURES).select("trace_id", "words", "epistemic_count", "surprisal"), on="trace_id", how="left")
        .with_columns(
            words.cast(pl.Float64).alias(LENGTH.column),
            score.alias(SCORE.column),
            *((1000 * pl.col("epistemic_count") / words).alias(each.column) for each in density),
        )
        .drop("verdict", "words", "epistemic_count")
        .collect()
        .sort("trace_id")
    )


def derived_table(effects: list[DerivedEffect]) -> Table:
    """Build the table for the terminal: a row per change and quantity."""
    table = figure_table(
        "What each change did (* interval excludes 0)",
        ["derived", "of"],
        ["tasks", "before", "change", "95 % interval", ""],
    )
    for effect in effects:
        if not effect.differences:
            table.add_row(effect.name, "nothing to compare", "0", *[""] * 4, style="dim")
        for place, row in enumerate(effect.differences):
            table.add_row(
                effect.name if place == 0 else "",
                heading(row.quantity, UNIT),
                f"{row.tasks:,}",
                number(effect.before[row.quantity], row.quantity),
                number(row.mean, row.quantity, "+"),
                interval(row, sign="+"),
                "*" if row.excludes_zero else "",
                style=None if row.excludes_zero else "dim",
            )
        table.add_section()
    return table
