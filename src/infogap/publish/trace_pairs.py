"""Pair traces of the same task for preference training, choosing the closest pairs among the possible ones."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from infogap.balance.exclusion_reasons import NOT_ASKED_FOR
from infogap.recipe.balance_section import THE_MIX, MixSettings
from infogap.recipe.preference_pairs import BANDS, SIDES, Preference
from infogap.runs.run_folder import Run
from infogap.schema import MEASURES, TASKS, TRACES, VERDICTS

BY_DEFAULT = Preference()

# Reasons for which a trace can still be paired: only the size of the mix or the shares of verdicts excluded it.
_WITHIN_REACH = ("selected", "over_quota", "max_per_task", "max_per_cluster", "not_in_mix", "correct")
_COLUMNS = ("band", "family", "privilege", "teacher")  # axes whose shares also restrict pairs
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
    unlearn doubt as well as errors. For pairs by band it is the difference of the logarithms of their word counts, and
    traces whose bands are furthest apart are paired first. Within a group of traces that may be paired, pairs minimise
    the sum of these distances; if lengths are limited, as many pairs as possible are made. A trace is in at most one
    pair, and a task in at most `max_per_task`, the closest first.

    Without `asked`, a pair is a correct and a wrong trace of the same task, privilege and teacher; any trace is used
    that the mix could contain if it allowed its verdict.
    """
    settings = _settings_of(run, mix)
    how = asked or BY_DEFAULT
    traces = _paired_groups(_candidates(run, mix, settings, asked), how)
    matched = np.array(list(_matched(traces, how)), np.int64).reshape(-1, 3)
    chosen, rejected = (traces[matched[:, side]] for side in (0, 1))
    table = pl.DataFrame(
        {
            "task_id": chosen["task_id"],
            "chosen": chosen["trace_id"],
            "rejected": rejected["trace_id"],
            "apart": (chosen[_nearness(how)] - rejected[_nearness(how)]).abs(),
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
    traces = _candidates(run, mix, _settings_of(run, mix), asked)
    chosen, rejected = (traces.filter(side)["task_id"].n_unique() for side in SIDES)
    tasks = run.scan(TRACES).select(pl.col("task_id").n_unique()).collect().item()
    return Sides(tasks, chosen, rejected, _paired_groups(traces, asked)["task_id"].n_unique())


def _settings_of(run: Run, mix: pl.DataFrame) -> MixSettings:
    name = mix["mix"][0] if mix.height else THE_MIX
    return dict(run.recipe.balance.named_mixes())[name]


def _candidates(run: Run, mix: pl.DataFrame, settings: MixSettings, asked: Preference | None) -> pl.DataFrame:
    """Return the traces that qualify for a side of a pair, with a Boolean column for each side."""
    how = asked or BY_DEFAULT
    usable = mix.lazy().filter(pl.col("reason").is_in(_reasons(asked))).select("trace_id")
    number = {"density": pl.col("epistemic_density").fill_null(0.0), "words": pl.col("words").fill_null(0)}
    measures = run.scan(MEASURES).select("trace_id", "band", **number)
    traces = (
        run.scan(TRACES)
        .select("trace_id", "task_id", "privilege", "teacher")
        .join(usable, on="trace_id", how="semi")
        .join(run.scan(VERDICTS).select("trace_id", "verdict"), on="trace_id")
        .join(measures, on="trace_id")
        .join(run.scan(TASKS).select("task_id", "family"), on="task_id")
        .with_columns(log_words=pl.col("words").clip(1).log())
        .with_columns(_belongs(how, side).alias(side) for side in SIDES)
        .filter(pl.any_horizontal(*SIDES))
    )
    if asked is not None and (settings.coverage is not None or run.recipe.balance.match is not None):
        traces = traces.join(_tasks_of(run, mix), on="task_id", how="semi")
    # Axes that the sides name are not restricted by the mix's shares.
    free = {*how.named, *(["band"] if how.by == "band" else [])}
    for axis, shares in settings.axes.items():
        if axis in _COLUMNS and axis not in free and isinstance(shares, dict):
            traces = traces.filter(pl.col(axis).is_in([value for value, share in shares.items() if share > 0]))
    return traces.sort(*_group(how), "trace_id").collect()


def _reasons(asked: Preference | None) -> tuple[str, ...]:
    """Return the reasons in the table `mix` for which a trace can still be paired."""
    if asked is None:
        return (*_WITHIN_REACH, *NOT_ASKED_FOR)
    # For pairs by band, verdicts are those of the mix unless a side names others.
    verdicts = NOT_ASKED_FOR if asked.by == "verdict" or "verdict" in asked.named else ()
    teachers = ("other_teacher",) if "teacher" in asked.named else ()
    return (*_WITHIN_REACH, "unmatched", *verdicts, *teachers)


def _belongs(how: Preference, side: str) -> pl.Expr:
    named = [pl.col(name).is_in(values) for name, values in how.pool(side).items()]
    return pl.all_horizontal(pl.lit(True), *named).fill_null(False)


def _tasks_of(run: Run, mix: pl.DataFrame) -> pl.LazyFrame:
    """Return the tasks that a mix draws."""
    selected = mix.lazy().filter("selected").select("trace_id")
    return run.scan(TRACES).join(selected, on="trace_id", how="semi").select("task_id").unique()


def _group(how: Preference) -> list[str]:
    """Return the columns in which the two traces of a pair must agree."""
    alike = [name for name in ("privilege", "teacher") if name not in how.named]
    return ["task_id", *alike, *(["verdict"] if how.by == "band" else [])]


def _paired_groups(traces: pl.DataFrame, how: Preference) -> pl.DataFrame:
    """Keep the groups that have a trace for each side."""
    keys = _group(how)
    both = [chosen.any().over(keys) & rejected.any().over(keys) for chosen, rejected in _turns(how)]
    return traces.filter(pl.any_horizontal(both))


def _turns(how: Preference) -> list[tuple[pl.Expr, pl.Expr]]:
    """Return conditions for the chosen and the rejected trace, turn by turn; paired traces leave the next turns."""
    if how.by == "verdict":
        return [(pl.col("chosen"), pl.col("rejected"))]
    return [
        (pl.col("chosen") & (pl.col("band") == more), pl.col("rejected") & (pl.col("band") == less))
        for more, less in _BAND_PAIRS
    ]


def _nearness(how: Preference) -> str:
    return "density" if how.by == "verdict" else "log_words"


def _matched(traces: pl.DataFrame, how: Preference) -> Iterator[tuple[int, int, int]]:
    """Yield the row numbers of each chosen and rejected trace and the turn of the pair, group by group."""
    near, words = traces[_nearness(how)].to_numpy(), traces["words"].to_numpy()
    turns = [[traces.select(of=side)["of"].fill_null(False).to_numpy() for side in turn] for turn in _turns(how)]
    groups = traces.select(pl.struct(_group(how)).rle_id()).to_series().to_numpy()
    ends = [0, *(np.flatnonzero(np.diff(groups)) + 1).tolist(), len(groups)]
    free = np.ones(len(groups), np.bool_)
    for start, end in pairwise(ends):
        for turn, masks in enumerate(turns):
            one, other = (start + np.flatnonzero((mask & free)[start:end]) for mask in masks)
            for chosen, rejected in _closest(one, other, near, words, how.length):
                free[[chosen, rejected]] = False
                yield chosen, rejected, turn


def _closest(
    one: _Rows, other: _Rows, near: NDArray[np.float64], words: _Rows, length: float | None
) -> Iterator[tuple[int, int]]:
    """Yield the pairs of the cheapest assignment (Kuhn 1955) among those with the most pairs of allowed length."""
    from scipy.optimize import linear_sum_assignment

    cost = np.abs(near[one][:, None] - near[other][None, :])
    fits = np.ones(cost.shape, np.bool_)
    if length is not None:
        long, short = np.maximum.outer(words[one], words[other]), np.minimum.outer(words[one], words[other])
        fits = long <= short * (1 + length)
        # More than all pairs together can cost, so that no pair that fits is given up for closer ones.
        cost = np.where(fits, cost, 1 + cost.max(initial=0.0) * min(cost.shape))
    rows, columns = linear_sum_assignment(cost)
    kept = fits[rows, columns]
    yield from zip(one[rows[kept]].tolist(), other[columns[kept]].tolist(), strict=True)
