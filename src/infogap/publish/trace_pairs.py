"""Pair traces of the same task for preference training, choosing among the possible pairs by the recipe's rule."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from infogap.balance.exclusion_reasons import NOT_ASKED_FOR
from infogap.publish.usable_traces import (
    WITHIN_REACH,
    draws_tasks,
    lacking_by_reason,
    settings_of,
    tasks_of_pairs,
    usable_traces,
)
from infogap.recipe.balance_section import MixSettings
from infogap.recipe.preference_pairs import BANDS, SIDES, Preference
from infogap.runs.run_folder import Run
from infogap.schema import TRACES

BY_DEFAULT = Preference()

_BAND_PAIRS = ((BANDS[0], BANDS[2]), (BANDS[0], BANDS[1]), (BANDS[1], BANDS[2]))  # the furthest apart first
_Rows = NDArray[np.int64]


class Sides(NamedTuple):
    """The numbers of tasks that have traces for each side of a pair."""

    tasks: int  # all tasks with traces
    chosen: int
    rejected: int
    both: int  # with both in one group of traces that may be paired, ignoring the limit of length


def pairs(run: Run, mix: pl.DataFrame, asked: Preference | None = None) -> pl.DataFrame:
    """Pair traces of the same task, sorted by the id of the chosen one. `mix` has the table's rows of one mix.

    Columns: `chosen` and `rejected` (trace ids), and `apart`, a distance. For pairs by verdict it is the difference of
    the two epistemic densities: if the chosen trace were always the more confident one, preference training would
    unlearn doubt as well as errors. For pairs by band or privilege it is the difference of the logarithms of their word
    counts, and traces whose bands are furthest apart are paired first. Within a group of traces that may be paired,
    pairs minimise the sum of these distances; if lengths are limited, as many pairs as possible are made. A trace is in
    at most one pair, and a task in at most `max_per_task`, the closest first. No pair has the same text twice.

    With `pairs: shortest_right_longest_wrong` each group has one pair, of its shortest correct and its longest wrong
    trace, in words. Tan and Hong (2026, arXiv 2605.17497) select these two from the samples of one prompt, as what
    succeeds fast and what fails persistently; they distil the one into prefixes of the other instead of pairing them.
    `apart` is then the logarithm of the ratio of the lengths, the least first.

    Without `asked`, a pair is a correct and a wrong trace of the same task, privilege and teacher; any trace is used
    that the mix could contain if it allowed its verdict.
    """
    settings = settings_of(run, mix)
    how = asked or BY_DEFAULT
    traces = _paired_groups(_candidates(run, mix, settings, asked).collect(), how)
    matched = np.array(list(_matched(traces, how)), np.int64).reshape(-1, 3)
    chosen, rejected = (traces[matched[:, side]] for side in (0, 1))
    apart = chosen[_nearness(how)] - rejected[_nearness(how)]
    table = pl.DataFrame(
        {
            "task_id": chosen["task_id"],
            "chosen": chosen["trace_id"],
            "rejected": rejected["trace_id"],
            "apart": apart if how.by_extremes else apart.abs(),
            "turn": matched[:, 2],
        }
    )
    most = settings.max_per_task
    if most is not None:
        of_task = pl.col("chosen").cum_count().over("task_id")
        table = table.sort("task_id", "turn", "apart", "chosen").filter(of_task <= most)
    return table.drop("task_id", "turn").sort("chosen")


def sides(run: Run, mix: pl.DataFrame, asked: Preference) -> Sides:
    """Count the tasks that have traces for the sides of a pair."""
    traces = _candidates(run, mix, settings_of(run, mix), asked).drop("text").collect()
    chosen, rejected = (traces.filter(side)["task_id"].n_unique() for side in SIDES)
    tasks = run.scan(TRACES).select(pl.col("task_id").n_unique()).collect().item()
    return Sides(tasks, chosen, rejected, _paired_groups(traces, asked)["task_id"].n_unique())


def without_pairs(run: Run, mix: pl.DataFrame, asked: Preference | None, paired: pl.Series) -> dict[str, int]:
    """Count the tasks that have no pair, by reason; `paired` has the ids of those that have one.

    The tasks are those with traces; of a mix that draws tasks, those it draws.
    """
    settings, how = settings_of(run, mix), asked or BY_DEFAULT
    keys = _group(how)
    in_group = pl.col("chosen").any().over(keys) & pl.col("rejected").any().over(keys)
    # Without their texts, which need not be read to count them.
    traces = _candidates(run, mix, settings, asked).drop("text").collect().with_columns(both=in_group)
    has = traces.group_by("task_id").agg(
        one=pl.col("chosen").any(), other=pl.col("rejected").any(), both=pl.col("both").any()
    )
    tasks = tasks_of_pairs(run, mix, drawn=asked is not None and draws_tasks(run, settings)).collect()
    reasons = (
        "no trace for either side",
        "no trace to choose",
        "no trace to reject",
        f"none that share {' and '.join(name for name in keys if name != 'task_id')}",
        "only pairs that the recipe excludes, or of equal texts",
    )
    return lacking_by_reason(tasks.filter(~pl.col("task_id").is_in(paired.implode())), has, reasons)


def _candidates(run: Run, mix: pl.DataFrame, settings: MixSettings, asked: Preference | None) -> pl.LazyFrame:
    """Return the traces that qualify for a side of a pair, with a Boolean column for each side."""
    how = asked or BY_DEFAULT
    # Axes that the sides name are not restricted by the mix's shares.
    free = {*how.named, *(["band"] if how.by == "band" else [])}
    drawn = asked is not None and draws_tasks(run, settings)
    usable = usable_traces(run, mix, reasons=_reasons(asked), free=free, drawn=drawn)
    sides = [_belongs(how, side).alias(side) for side in SIDES]
    traces = usable.with_columns(*sides, log_words=pl.col("words").clip(1).log()).filter(pl.any_horizontal(*SIDES))
    return traces.sort(*_group(how), "trace_id")


def _reasons(asked: Preference | None) -> tuple[str, ...]:
    """Return the reasons in the table `mix` for which a trace can still be paired."""
    if asked is None:
        return (*WITHIN_REACH, *NOT_ASKED_FOR)
    # For pairs by band or privilege, verdicts are those of the mix unless a side names others.
    verdicts = NOT_ASKED_FOR if asked.by == "verdict" or "verdict" in asked.named else ()
    teachers = ("other_teacher",) if "teacher" in asked.named else ()
    return (*WITHIN_REACH, "unmatched", *verdicts, *teachers)


def _belongs(how: Preference, side: str) -> pl.Expr:
    named = [pl.col(name).is_in(values) for name, values in how.pool(side).items()]
    return pl.all_horizontal(pl.lit(True), *named).fill_null(False)


def _group(how: Preference) -> list[str]:
    """Return the columns in which the two traces of a pair must agree."""
    alike = [name for name in ("privilege", "teacher") if name not in how.named]
    return ["task_id", *alike, *(["verdict"] if how.by != "verdict" else [])]


def _paired_groups(traces: pl.DataFrame, how: Preference) -> pl.DataFrame:
    """Keep the groups that have a trace for each side."""
    keys = _group(how)
    both = [chosen.any().over(keys) & rejected.any().over(keys) for chosen, rejected in _turns(how)]
    return traces.filter(pl.any_horizontal(both))


def _turns(how: Preference) -> list[tuple[pl.Expr, pl.Expr]]:
    """Return conditions for the chosen and the rejected trace, turn by turn; paired traces leave the next turns."""
    if how.by != "band":
        return [(pl.col("chosen"), pl.col("rejected"))]
    return [
        (pl.col("chosen") & (pl.col("band") == more), pl.col("rejected") & (pl.col("band") == less))
        for more, less in _BAND_PAIRS
    ]


def _nearness(how: Preference) -> str:
    return "density" if how.by == "verdict" and not how.by_extremes else "log_words"


def _matched(traces: pl.DataFrame, how: Preference) -> Iterator[tuple[int, int, int]]:
    """Yield the row numbers of each chosen and rejected trace and the turn of the pair, group by group."""
    near, words, texts = (traces[name].to_numpy() for name in (_nearness(how), "words", "text"))
    turns = [[traces.select(of=side)["of"].fill_null(False).to_numpy() for side in turn] for turn in _turns(how)]
    groups = traces.select(pl.struct(_group(how)).rle_id()).to_series().to_numpy()
    ends = [0, *(np.flatnonzero(np.diff(groups)) + 1).tolist(), len(groups)]
    free = np.ones(len(groups), np.bool_)
    for start, end in pairwise(ends):
        for turn, masks in enumerate(turns):
            one, other = (start + np.flatnonzero((mask & free)[start:end]) for mask in masks)
            unlike = texts[one][:, None] != texts[other][None, :]
            for chosen, rejected in (
                _extremes(one, other, words, unlike)
                if how.by_extremes
                else _closest(one, other, near, unlike & _alike_in_length(one, other, words, how.length))
            ):
                free[[chosen, rejected]] = False
                yield chosen, rejected, turn


def _alike_in_length(one: _Rows, other: _Rows, words: _Rows, length: float | None) -> NDArray[np.bool_]:
    """Return, for each trace of the one side and each of the other, whether the recipe allows their lengths."""
    if length is None:
        return np.ones((len(one), len(other)), np.bool_)
    long, short = np.maximum.outer(words[one], words[other]), np.minimum.outer(words[one], words[other])
    return np.asarray(long <= short * (1 + length))


def _closest(one: _Rows, other: _Rows, near: NDArray[np.float64], fits: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Yield the pairs of the cheapest assignment (Kuhn 1955) among those with the most pairs that fit."""
    from scipy.optimize import linear_sum_assignment

    cost = np.abs(near[one][:, None] - near[other][None, :])
    if not fits.all():
        # More than all pairs together can cost, so that no pair that fits is given up for closer ones.
        cost = np.where(fits, cost, 1 + cost.max(initial=0.0) * min(cost.shape))
    rows, columns = linear_sum_assignment(cost)
    kept = fits[rows, columns]
    yield from zip(one[rows[kept]].tolist(), other[columns[kept]].tolist(), strict=True)


def _extremes(one: _Rows, other: _Rows, words: _Rows, unlike: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Yield the shortest trace of the one side with the longest of the other; of equal lengths, the first by id."""
    if len(one) and len(other):
        shortest, longest = int(np.argmin(words[one])), int(np.argmax(words[other]))
        if unlike[shortest, longest]:
            yield int(one[shortest]), int(other[longest])
