"""The traces of a run that pairs can be made of: those that a mix could contain, whatever its size and verdicts."""

from __future__ import annotations

from collections.abc import Collection

import polars as pl

from infogap.recipe.balance_section import THE_MIX, MixSettings
from infogap.runs.run_folder import Run
from infogap.schema import MEASURES, TASKS, TRACES, VERDICTS
from infogap.text.thoughts import ANSWER_TAGS

WITHIN_REACH = ("selected", "over_quota", "max_per_task", "max_per_cluster", "not_in_mix", "correct")
"""Reasons in the table `mix` for which a trace can still be paired: only size or shares excluded it."""

_AXES = ("band", "family", "privilege", "teacher")  # axes whose shares also restrict pairs


def settings_of(run: Run, mix: pl.DataFrame) -> MixSettings:
    """Return the settings of the mix that these rows of the table `mix` belong to."""
    name = mix["mix"][0] if mix.height else THE_MIX
    return dict(run.recipe.balance.named_mixes())[name]


def draws_tasks(run: Run, settings: MixSettings) -> bool:
    """Return True if the mix draws some of the tasks, so that pairs can be restricted to these."""
    return settings.coverage is not None or run.recipe.balance.match is not None


def tasks_of_pairs(run: Run, mix: pl.DataFrame, *, drawn: bool) -> pl.LazyFrame:
    """Return the `task_id` of the tasks with traces; with `drawn`, of those that the mix draws."""
    traces = run.scan(TRACES)
    if drawn:
        traces = traces.join(mix.lazy().filter("selected").select("trace_id"), on="trace_id", how="semi")
    return traces.select("task_id").unique()


def usable_traces(
    run: Run, mix: pl.DataFrame, *, reasons: Collection[str], free: Collection[str], drawn: bool
) -> pl.LazyFrame:
    """Return the graded and measured traces that pairs can be made of.

    Columns: `trace_id`, `task_id`, `privilege`, `teacher`, `family`, `verdict`, `band`, `leak`, `density` (markers per
    1,000 tokens or words, 0 if unknown), `words` (0 if unknown) and `text`, equal for traces whose published texts are
    the same.

    Args:
        run: The run.
        mix: The rows of one mix in the table `mix`.
        reasons: The reasons in that table that do not exclude a trace.
        free: The axes (band, family, privilege, teacher) that are not restricted by the shares of the mix.
        drawn: Whether only the tasks that the mix draws count.
    """
    usable = mix.lazy().filter(pl.col("reason").is_in([*reasons])).select("trace_id")
    number = {"density": pl.col("epistemic_density").fill_null(0.0), "words": pl.col("words").fill_null(0)}
    measures = run.scan(MEASURES).select("trace_id", "band", pl.col("leak").fill_null(False), **number)
    traces = (
        run.scan(TRACES)
        .select("trace_id", "task_id", "privilege", "teacher", text=_text(run))
        .join(usable, on="trace_id", how="semi")
        .join(run.scan(VERDICTS).select("trace_id", "verdict"), on="trace_id")
        .join(measures, on="trace_id")
        .join(run.scan(TASKS).select("task_id", "family"), on="task_id")
    )
    if drawn:
        traces = traces.join(tasks_of_pairs(run, mix, drawn=True), on="task_id", how="semi")
    for axis, shares in settings_of(run, mix).axes.items():
        if axis in _AXES and axis not in free and isinstance(shares, dict):
            traces = traces.filter(pl.col(axis).is_in([value for value, share in shares.items() if share > 0]))
    return traces


def _text(run: Run) -> pl.Expr:
    response = pl.col("response").str.replace_all(ANSWER_TAGS, "$1")
    shown = [] if run.recipe.publish.thinking == "drop" else [pl.col("reasoning").fill_null("")]
    return pl.struct(response, *shown).hash()


def lacking_by_reason(
    tasks: pl.DataFrame, sides: pl.DataFrame, reasons: tuple[str, str, str, str, str]
) -> dict[str, int]:
    """Count tasks that have no pair, by reason, the most frequent first.

    Args:
        tasks: The tasks without a pair, by `task_id`.
        sides: By `task_id` whether it has a trace for `one` side and for the `other`, and for `both` in one group of
            traces that may be paired.
        reasons: What is said of a task without a trace for either side; for the one; for the other; for both in one
            group; and with such traces, but without a pair.
    """
    one, other, both = (pl.col(name).fill_null(False) for name in ("one", "other", "both"))
    neither, no_one, no_other, not_both, unpaired = map(pl.lit, reasons)
    reason = (
        pl.when(~one & ~other)
        .then(neither)
        .when(~one)
        .then(no_one)
        .when(~other)
        .then(no_other)
        .when(~both)
        .then(not_both)
        .otherwise(unpaired)
    )
    counted = tasks.join(sides, on="task_id", how="left").select(reason=reason).group_by("reason").len()
    return dict(counted.sort("len", "reason", descending=[True, False]).iter_rows())
