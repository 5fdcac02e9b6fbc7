"""The caveats on a teacher's tables, a sentence each."""

from __future__ import annotations

import polars as pl

from infogap.effects.bootstrap_intervals import FEWEST_TASKS, LEVEL, how_computed
from infogap.effects.teacher_results import Effects, Means
from infogap.recipe import Recipe


def notes(recipe: Recipe, rows: pl.DataFrame, effects: Effects) -> list[str]:
    """Return the caveats on one teacher's tables, in Markdown. `rows` are its traces, with lengths."""
    sentences = [
        _no_differences(effects),
        _no_scores(effects),
        _left_out(effects.means),
        _truncated(effects),
        _words(effects),
        _few_tasks(effects),
        _chance(effects),
        _until(recipe, rows),
        _chosen_by_verdicts(recipe, effects),
        _fewer_samples(effects),
    ]
    return [sentence for sentence in sentences if sentence]


def _no_differences(effects: Effects) -> str:
    if effects.unguided is None:
        return "No differences: there is no trace under `unguided` to compare with."
    if len(effects.means) > 1 and not effects.differences:
        return f"No differences: no task has traces both under `{effects.unguided}` and under another privilege."
    return ""


def _no_scores(effects: Effects) -> str:
    return (
        ""
        if any(row.graded for row in effects.means)
        else "No scores: the verdicts are not up to date; run infogap verify."
    )


def _left_out(means: list[Means]) -> str:
    """Count the traces that the scores leave out."""
    left_out = {
        row.privilege: _counts({"failed": row.failed, "ungradable": row.traces - row.graded})
        for row in means
        if row.failed or row.graded < row.traces
    }
    if not left_out or not any(row.graded for row in means):
        return ""
    return f"Not in the scores: {'; '.join(f'{name}: {what}' for name, what in left_out.items())}."


def _counts(named: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in named.items() if count)


def _truncated(effects: Effects) -> str:
    cut = [f"{row.privilege} {row.truncated:,} of {row.traces:,}" for row in effects.means if row.truncated]
    if not cut:
        return ""
    return (
        f"Truncated: {', '.join(cut)}. Such a trace counts as not solved, with the length and the markers that it had "
        "at the limit: true lengths are greater, and differences between them may be, too."
    )


def _words(effects: Effects) -> str:
    return "" if effects.unit == "tokens" else "Lengths are in words: the tokens of some answers are not known."


def _few_tasks(effects: Effects) -> str:
    compared = [*effects.differences, *(row.difference for row in effects.contrasts)]
    if all(row.low is not None for row in compared):
        return ""
    return (
        f"No interval where fewer than {FEWEST_TASKS} tasks have both, or fewer than {FEWEST_TASKS} of them differ: so "
        "few all differ in one direction by chance more than once in 20 times."
    )


def _chance(effects: Effects) -> str:
    compared = [*effects.differences, *(row.difference for row in effects.contrasts)]
    intervals = sum(row.low is not None for row in compared)
    if not intervals:
        return ""
    computed = how_computed(max(row.tasks for row in compared))
    return (
        f"Intervals are bootstrapped over tasks ({LEVEL:.0%}). One that includes 0 is inconclusive. Of the "
        f"{intervals:,} here about {max(round((1 - LEVEL) * intervals), 1):,} would exclude 0 by chance alone if "
        f"privileges changed nothing.{computed and ' ' + computed}"
    )


def _until(recipe: Recipe, rows: pl.DataFrame) -> str:
    conditional = rows.filter(~pl.col("unconditional")).height
    if not conditional:
        return ""
    why = []
    if recipe.generate is not None and recipe.generate.until is not None:
        why.append("`until` samples again only where too few are correct")
    if recipe.generate is not None and any(use.turns > 1 for use in recipe.generate.uses):
        why.append("a verifier's next turn follows only a wrong one")
    return (
        f"Differences, pass@k and rates per task leave out {conditional:,} traces that were requested because of the "
        f"verdicts on others ({' and '.join(why)}): a pass@k over them would be biased. The means include them."
    )


def _chosen_by_verdicts(recipe: Recipe, effects: Effects) -> str:
    """Warn of regression to the mean if tasks were selected by their `unguided` verdicts."""
    generate = recipe.generate
    if generate is None or effects.unguided is None or not effects.differences:
        return ""
    if generate.select is not None:
        why = "tasks were selected by their `unguided` verdicts"
    else:
        occurring = {row.privilege for row in effects.differences}
        shown = [use.label for use in generate.uses if use.attempts and use.label in occurring]
        if not shown:
            return ""
        why = f"{', '.join(f'`{name}`' for name in shown)} could be sampled only where there was an attempt to show"
    return (
        f"Since {why}, part of a difference in score is regression to the mean: new unguided samples of the same tasks "
        "would give another rate."
    )


def _fewer_samples(effects: Effects) -> str:
    fewer = [
        f"{row.privilege} k={at.k} {at.tasks:,} of {row.tasks:,}"
        for row in effects.passes
        for at in row.at
        if at.tasks < row.tasks
    ]
    if not fewer:
        return ""
    return f"pass@k is a mean over the tasks that have k graded samples: {', '.join(fewer)} tasks."
