"""Read the axes of a mix: the values of its traces on each axis, and the recipe's targets for them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import polars as pl

from infogap.balance.axes import Axis, Bound
from infogap.balance.mix_columns import RANKED
from infogap.errors import nearest
from infogap.recipe.axis_targets import AxisTargets
from infogap.recipe.balance_section import MixSettings
from infogap.recipe.recipe_errors import AtKeyError
from infogap.schema import BAND_NAMES, VERDICT_NAMES

_ORDER = {"band": BAND_NAMES, "verdict": VERDICT_NAMES}  # other values are in alphabetical order
_NO_VERDICT = "ungradable"  # no recipe can give it a share, so `uniform` gives it none either
_BY_SCORING = ("gap", "gap_per_token", "gap_share", "surprisal", "ifd", "answer_confidence", "rsr")
_BANDS_BY_RANK = ("confident", "mixed", "uncertain")
_OF_TASKS = ("source", "family", "difficulty", "verifier")  # what all traces of a task have in common
_BESIDE = " | "  # between the values of two columns


class OnAxes(NamedTuple):
    """The axes of a mix, its traces with a column of values (as text) for each, and notes for the user."""

    axes: tuple[Axis, ...]
    traces: pl.DataFrame
    notes: list[str]


def read_axes(mix: MixSettings, traces: pl.DataFrame) -> OnAxes:
    """Read a mix's axes. `traces` has a column per axis, and a `reason` for traces that cannot be in the mix.

    `uniform` gives equal shares to all values of traces that could be selected, `natural` their shares among these: a
    family without a correct trace has no share if the recipe asks for correct traces only, and a note says so.

    Raises InputError if a share names a value that no trace of the run has, or `cuts` or `quantiles` a column of names.
    """
    asked = {
        name: each if isinstance(each, AxisTargets) else AxisTargets(shares=each) for name, each in mix.axes.items()
    }
    if mix.max_per_teacher is not None:
        of_teacher = asked.get("teacher", AxisTargets(cap=mix.max_per_teacher))
        asked["teacher"] = of_teacher.model_copy(update={"cap": mix.max_per_teacher})
    stated: dict[str, tuple[str, ...] | None] = {}
    # Ranks are those among the traces that the other axes leave.
    for name, each in sorted(asked.items(), key=lambda item: item[1].quantiles is not None):
        traces = _with_values(name, each, traces, _fitting(stated, asked))
        stated[name] = _values_named(name, each, traces)
    eligible = traces.filter(pl.col("reason").is_null())
    possible = traces.filter(_fitting(stated, asked))
    axes: dict[str, Axis] = {}
    notes: list[str] = []
    for name, each in asked.items():
        if each.given is not None:
            continue
        values = stated[name]
        if values is None:
            values = _in_order(name, (possible if _has_shares(each) else eligible)[name].drop_nulls().unique(), each)
            if left_out := _in_order(name, set(eligible[name].drop_nulls()) - {*values, _NO_VERDICT}, each):
                notes.append(
                    f"{name}: {each.shares or 'uniform'} is over {len(values)} values; none of the traces of "
                    f"{_listed(left_out)} fits the other shares"
                )
            if empty := [value for value in _range_names(name, each) or () if value not in values]:
                notes.append(f"{name}: no trace that could be in the mix is in {_listed(empty)}, so it gets no share")
        elif lost := [value for value in values if possible.height and value not in set(possible[name])]:
            notes.append(
                f"{name}: no trace that could be in the mix has the value {_listed(lost)}; its share limits the mix"
            )
        axes[name] = Axis(name, values, _shares(name, each, values, possible), *_bounds(each, values))
    for name, each in asked.items():
        if each.given is not None:
            joint, traces = _given(name, each, axes.pop(each.given, None), traces, possible)
            axes[joint.name] = joint
    return OnAxes(tuple(axes[name] for name in _sorted_names(axes, mix)), traces, notes)


def _fitting(stated: dict[str, tuple[str, ...] | None], asked: dict[str, AxisTargets]) -> pl.Expr:
    """True of traces that can be in the mix, as far as some of its axes say; these have their values as text."""
    fits = [pl.col("reason").is_null()]
    for name, values in stated.items():
        if values is not None:
            fits.append(pl.col(name).is_in(values).fill_null(value=False))
        elif _has_shares(asked[name]):
            fits.append((pl.col(name) != _NO_VERDICT).fill_null(value=False))
    return pl.all_horizontal(fits)


def _sorted_names(axes: dict[str, Axis], mix: MixSettings) -> list[str]:
    order = list(mix.axes)
    return sorted(
        axes, key=lambda name: (order.index(name.split()[0]) if name.split()[0] in order else len(order), name)
    )


def _has_shares(asked: AxisTargets) -> bool:
    return asked.shares is not None or (asked.floor is None and asked.cap is None)


def _with_values(name: str, asked: AxisTargets, traces: pl.DataFrame, fits: pl.Expr) -> pl.DataFrame:
    """Make the column of an axis text: its values, or the names of its ranges; `fits` is true of the traces to rank."""
    column = RANKED.get(name, name) if asked.ranges is not None else name
    if name == "band" and asked.quantiles is not None and asked.ranges != len(_BANDS_BY_RANK):
        raise AtKeyError((name,), "there are three bands, and so two `quantiles`: [0.33, 0.67], or 3")
    is_number = asked.ranges is not None or column in _BY_SCORING
    if is_number and traces.height and traces[column].null_count() == traces.height:
        how = "; `measure: {gap: {scorer: ...}}` measures it" if column in _BY_SCORING else ""
        raise AtKeyError((name,), f"no trace of the run has a value of `{column}`{how}")
    if asked.ranges is None:
        dtype = traces.schema[name]
        if dtype.is_float() and traces[name].n_unique() > 50:
            raise AtKeyError((name,), "a column of numbers is divided by `cuts` or `quantiles`")
        return traces if dtype == pl.String else traces.with_columns(pl.col(name).cast(pl.String))
    number = pl.col(column).cast(pl.Float64, strict=False).fill_nan(None)
    if (
        not (traces.schema[column].is_numeric() or traces.schema[column] == pl.String)
        or traces.select(number.null_count() > pl.col(column).null_count()).item()
    ):
        raise AtKeyError((name,), f"`cuts` and `quantiles` are for numbers, and '{column}' has names")
    if asked.cuts is not None:
        place = sum((number >= cut).cast(pl.Int64) for cut in asked.cuts)
        return traces.with_columns(_named(place, _ranges_of(asked.cuts)).alias(name))
    parts = asked.quantiles if isinstance(asked.quantiles, list) else None
    count = asked.ranges
    ends = parts or [part / count for part in range(1, count)]
    ranked = number.filter(fits)  # equal numbers fall into one range
    at = [ranked.quantile(end, "linear") for end in ends]
    if asked.within is not None:
        at = [each.over(asked.within) for each in at]
    place = sum((number > each).cast(pl.Int64) for each in at)
    names = _BANDS_BY_RANK if name == "band" else tuple(f"q{part}" for part in range(1, count + 1))
    return traces.with_columns(_named(place, names).alias(name))


def _named(place: Any, names: Sequence[str]) -> pl.Expr:
    expression: pl.Expr = place
    return expression.replace_strict(list(range(len(names))), list(names), default=None, return_dtype=pl.String)


def _ranges_of(cuts: list[float]) -> tuple[str, ...]:
    names = [f"{cut:g}" if float(f"{cut:g}") == cut else repr(cut) for cut in cuts]
    between = (f"{low} to {high}" for low, high in pairwise(names))
    return (f"below {names[0]}", *between, f"{names[-1]} or more")


def _range_names(name: str, asked: AxisTargets) -> tuple[str, ...] | None:
    if asked.ranges is None:
        return None
    if asked.cuts is not None:
        return _ranges_of(asked.cuts)
    return _BANDS_BY_RANK if name == "band" else tuple(f"q{part}" for part in range(1, asked.ranges + 1))


def values_left(mix: MixSettings, axes: tuple[Axis, ...], drawn: pl.DataFrame) -> tuple[Axis, ...]:
    """Return the axes without the families, sources ... that no drawn task has, unless the recipe names their shares.

    No further sample could supply these. An axis within such a column loses its values within them.
    """
    evened = mix.coverage is not None and mix.coverage.effective_families is not None
    left = []
    for axis in axes:
        inner, _, outer = axis.name.partition(" given ")
        column = outer or inner
        asked = mix.axes.get(column)
        targets = asked if isinstance(asked, AxisTargets) else AxisTargets(shares=asked)
        named = targets.ranges is not None or any(
            isinstance(each, dict) for each in (targets.shares, targets.floor, targets.cap)
        )
        if column in _OF_TASKS and not named and not (evened and column == "family") and drawn.height:
            there = set(drawn[column].drop_nulls())
            # The name of a value may itself hold what stands between two of them.
            left.append(axis.among([value for value in axis.values if there & {*_beginnings(value, bool(outer))}]))
        else:
            left.append(axis)
    return tuple(left)


def _beginnings(value: str, of_two: bool) -> tuple[str, ...]:
    return (value.partition(_BESIDE)[0], value.rpartition(_BESIDE)[0]) if of_two else (value,)


def fixed_names(name: str, asked: AxisTargets) -> tuple[str, ...] | None:
    """Return the values that an axis has whatever is sampled: its ranges, or bands and verdicts; None for others."""
    return _range_names(name, asked) or _ORDER.get(name)


def _values_named(name: str, asked: AxisTargets, traces: pl.DataFrame) -> tuple[str, ...] | None:
    """Return the values to which the recipe gives a share above 0; None if it does not name them."""
    bounded = {value for bound in (asked.floor, asked.cap) if isinstance(bound, dict) for value in bound}
    _refuse_unknown(name, name, sorted(bounded), asked, traces)
    if isinstance(asked.shares, list):
        names = _range_names(name, asked) or ()
        return tuple(value for value, share in zip(names, asked.shares, strict=True) if share > 0)
    if not isinstance(asked.shares, dict):
        return None
    given = [shares for shares in asked.shares.values() if isinstance(shares, dict)]
    named = {value: share for shares in given for value, share in shares.items()} if given else asked.shares
    _refuse_unknown(name, name, named, asked, traces)
    if given:
        _refuse_unknown(name, str(asked.given), asked.shares, AxisTargets(shares="natural"), traces)
    largest = {value: max([s.get(value, 0) for s in given], default=share) for value, share in named.items()}
    return _in_order(
        name, (value for value, share in largest.items() if isinstance(share, int | float) and share > 0), asked
    )


def _refuse_unknown(axis: str, column: str, named: Iterable[str], asked: AxisTargets, traces: pl.DataFrame) -> None:
    """Raise InputError for a value that no trace of the run has; bands and verdicts are known even so."""
    of_order = _ORDER.get(column, ()) if asked.ranges is None else _range_names(column, asked) or ()
    there = {*traces[column].drop_nulls().cast(pl.String).unique(), *of_order}
    known = _in_order(column, there, asked)
    for value in named:
        if value not in known:
            raise AtKeyError(
                (axis,),
                f"no trace has the {column} '{value}'{nearest(value, known)}; there are: {_listed(known)}",
            )


def _shares(name: str, asked: AxisTargets, values: tuple[str, ...], possible: pl.DataFrame) -> tuple[float, ...]:
    if not _has_shares(asked):
        return ()
    if isinstance(asked.shares, list):
        names = _range_names(name, asked) or ()
        by_name: dict[str, Any] = dict(zip(names, asked.shares, strict=True))
    elif isinstance(asked.shares, dict):
        by_name = dict(asked.shares)
    elif asked.shares == "natural":
        by_name = dict(possible[name].value_counts().iter_rows())
        total = sum(by_name.get(value, 0) for value in values)
        return tuple(by_name.get(value, 0) / total for value in values) if total else ()
    else:
        return (1 / len(values),) * len(values) if values else ()
    return tuple(float(by_name[value]) for value in values)


def _bounds(asked: AxisTargets, values: tuple[str, ...]) -> tuple[tuple[Bound, ...], tuple[Bound, ...]]:
    def of(bound: Any, otherwise: Bound) -> tuple[Bound, ...]:
        if bound is None:
            return ()
        return tuple(bound.get(value, otherwise) if isinstance(bound, dict) else bound for value in values)

    return of(asked.floor, 0), of(asked.cap, 1.0)


def _given(
    name: str, asked: AxisTargets, outer: Axis | None, traces: pl.DataFrame, possible: pl.DataFrame
) -> tuple[Axis, pl.DataFrame]:
    """Return the axis of two columns together: shares of one within each value of the other."""
    column = str(asked.given)
    if outer is None:
        values = _in_order(
            column, possible[column].drop_nulls().cast(pl.String).unique(), AxisTargets(shares="natural")
        )
        counts = dict(possible[column].cast(pl.String).value_counts().iter_rows())
        outer = Axis(column, values, tuple(counts[value] / possible.height for value in values))
    table: Any = asked.shares
    nested = any(isinstance(shares, dict) for shares in table.values())
    if nested and (missing := [value for value in outer.values if value not in table]):
        raise AtKeyError((name,), f"no shares are given within {column} '{missing[0]}'")
    pairs = [
        (f"{value}{_BESIDE}{inner}", part * share)
        for value, part in zip(outer.values, outer.shares, strict=True)
        for inner, share in sorted((table[value] if nested else table).items())
        if share > 0
    ]
    joint = f"{name} given {column}"
    both = pl.concat_str(pl.col(column).cast(pl.String), pl.col(name), separator=_BESIDE)
    axis = Axis(joint, tuple(value for value, _ in pairs), tuple(share for _, share in pairs))
    return axis, traces.with_columns(both.alias(joint))


def _in_order(name: str, values: Iterable[str], asked: AxisTargets) -> tuple[str, ...]:
    """Sort values, independently of their order in the recipe or on disk."""
    ranks = _range_names(name, asked) or _ORDER.get(name, ())
    return tuple(sorted(values, key=lambda value: (ranks.index(value) if value in ranks else len(ranks), value)))


def _listed(values: Sequence[str]) -> str:
    return ", ".join(values[:20]) + (f" and {len(values) - 20:,} more" if len(values) > 20 else "")
