"""Decide how many traces each stratum gives: as asked, or what the recipe says where that cannot be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import polars as pl

from infogap.balance.axes import Counts
from infogap.balance.mix_drafts import naming_the_mix
from infogap.balance.mix_pool import measured
from infogap.balance.quotas import Quotas
from infogap.balance.shortfall import explain
from infogap.balance.strata import Strata, following, pick, read_strata
from infogap.errors import ShortfallError
from infogap.recipe.balance_section import TextSize
from infogap.recipe.recipe_errors import AtKeyError
from infogap.runs.run_folder import Run

_TRIES = 24  # of sizes in traces, for a size in text


@dataclass(frozen=True)
class Decision:
    """What was decided for one mix."""

    strata: Strata
    quotas: Quotas
    picked: pl.DataFrame
    """Every candidate's trace_id and the decision on it: selected, or why not."""

    target_size: int
    shortfall: str | None
    notes: list[str]

    @property
    def chosen(self) -> pl.DataFrame:
        """The candidates that are selected."""
        selected = self.picked.filter(pl.col("decision") == "selected")
        return self.strata.candidates.join(selected, on="trace_id", how="semi")


def decide_all(run: Run, *, raise_if_short: bool = True) -> list[Decision]:
    """Decide on every mix of a run's recipe.

    Raises InputError as `read_strata` does, or if mixes to be matched have other tasks; ShortfallError as `decide`.
    """
    match = run.recipe.balance.match
    decisions: dict[str, Decision] = {}
    every = read_strata(run)
    # Of matched mixes, the one with most to choose from chooses, and the others follow.
    for strata in every if match is None else sorted(every, key=lambda strata: -strata.supply.cells):
        leader = next((made for made in decisions.values() if _is_matched(made.strata, strata)), None)
        with naming_the_mix(run, strata.name):
            if match is None or leader is None:
                decisions[strata.name] = decide(strata, raise_if_short=raise_if_short)
            else:
                by_unit = bool(match.same) or match.length is not None
                alike = _with_axes_of(leader.strata, strata, match.same)
                own = following(alike, leader.chosen, by_unit=by_unit, seed=run.recipe.seed)
                decisions[strata.name] = decide(replace(own, size=leader.target_size), raise_if_short=raise_if_short)
    in_order = [decisions[strata.name] for strata in every]
    if match is not None and raise_if_short:
        _refuse_unmatched(in_order)
    return in_order


def _with_axes_of(leader: Strata, follower: Strata, same: list[str]) -> Strata:
    """Take the axes whose values follow from the tasks, or are matched, from the other mix.

    Where both ask the same of one, such as `family: natural`, its shares were those of other traces, before matching.
    """
    theirs = {axis.name: axis for axis in leader.axes}

    def follows(name: str) -> bool:
        per_task = follower.candidates.group_by("task_id").agg(pl.col(name).n_unique())[name]
        return name in same or bool((per_task <= 1).all())

    axes = tuple(
        theirs[axis.name]
        if axis.name in theirs
        and leader.mix.axes.get(axis.name) == follower.mix.axes.get(axis.name)
        and follows(axis.name)
        else axis
        for axis in follower.axes
    )
    return replace(follower, axes=axes)


def _is_matched(one: Strata, other: Strata) -> bool:
    """Whether two matched mixes are to have the same traces of each task: those of one coverage."""
    return one.mix.coverage == other.mix.coverage


def _refuse_unmatched(decisions: list[Decision]) -> None:
    """Raise ShortfallError if shares, or caps, took other traces of tasks in two mixes of the same coverage."""
    counts = [made.chosen["task_id"].value_counts().sort("task_id") for made in decisions]
    for made, each in zip(decisions, counts, strict=True):
        alike = [_is_matched(other.strata, made.strata) for other in decisions]
        first = alike.index(True)
        if not each.equals(counts[first]):
            raise ShortfallError(
                f"the mixes `{decisions[first].strata.name}` and `{made.strata.name}` are to be matched, and their "
                "shares leave them other traces of some tasks; match on the column instead (`balance.match.same`), or "
                "leave out the shares in which they differ"
            )


def decide(strata: Strata, *, raise_if_short: bool = True) -> Decision:
    """Decide on one mix.

    Raises ShortfallError if its targets cannot be met and it says `when_short: error`; without `raise_if_short` it
    returns the closest mix with the message.
    """
    quotas = Quotas(strata.axes, strata.supply)
    wanted = strata.size or strata.mix.traces
    if isinstance(strata.mix.size, TextSize):
        return _of_text(strata, quotas, strata.mix.size, raise_if_short)
    most = strata.supply.most(strata.supply.everything)
    if wanted is None:
        feasible = quotas.largest(most)
        if feasible:
            return _decision(strata, quotas, quotas.exactly(feasible), feasible)
        wanted = max(most, 1)
    else:
        counts = quotas.exactly(wanted)
        if counts is not None:
            return _decision(strata, quotas, counts, wanted)
    return _short(strata, quotas, wanted, most, raise_if_short)


def _short(strata: Strata, quotas: Quotas, size: int, most: int, raise_if_short: bool) -> Decision:
    """Explain what is missing, and do what the recipe says."""
    within, feasible = quotas.within(size), quotas.largest(min(size, most))
    was_cut_off = quotas.was_cut_off
    if feasible > within.sum() and (larger := quotas.exactly(feasible)) is not None:  # where a search was cut off
        within = larger
    text = explain(strata, quotas, size, within, feasible)
    if was_cut_off:
        text += "\nthe search was cut off, and there may be a larger mix that meets every target"
    when_short = strata.mix.when_short
    if when_short == "error":
        if raise_if_short:
            raise ShortfallError(text)
        return _decision(strata, quotas, within, size, text)
    if when_short == "shrink":
        counts = quotas.exactly(feasible) if feasible else within * 0
        made = f"the mix was made with {_traces(feasible)} (when_short: shrink)"
        return _decision(strata, quotas, counts, size, f"{text}\n{made}")
    closest = quotas.closest(size, within)
    are = "is" if closest.deviation == 1 else "are"
    made = (
        f"the mix was made with {_traces(int(closest.counts.sum()))} (when_short: best_effort); over all values, "
        f"{_traces(closest.deviation)} {are} above or below a target"
    )
    if closest.at_least < closest.deviation:
        made += f"; the search for a closer one was cut off, and none is off by fewer than {closest.at_least:,}"
    return _decision(strata, quotas, closest.counts, size, f"{text}\n{made}")


def _traces(count: int) -> str:
    return f"{count:,} trace{'' if count == 1 else 's'}"


def _of_text(strata: Strata, quotas: Quotas, size: TextSize, raise_if_short: bool) -> Decision:
    """Find the largest mix of exact shares whose text is no more than asked for, and say how much it is."""
    unit, wanted = ("tokens", size.tokens) if size.tokens is not None else ("words", size.words)
    assert wanted is not None
    column = "completion_tokens" if unit == "tokens" else "words"
    lengths = strata.candidates.select("trace_id", length=pl.col(measured(column)))
    if unknown := lengths["length"].null_count():
        other = "; count words instead: `size: {words: ...}`" if unit == "tokens" else ""
        raise AtKeyError(("size",), f"{unknown:,} traces have no number of {unit}{other}")

    def text_of(counts: Counts) -> int:
        picked = pick(strata, counts).filter(pl.col("decision") == "selected")
        return int(picked.join(lengths, on="trace_id")["length"].sum())

    most = strata.supply.most(strata.supply.everything)
    mean = float(lengths["length"].mean() or 1.0)  # type: ignore[arg-type]
    largest = quotas.largest(most)
    found, counts = _largest_within(quotas, text_of, wanted, largest, mean)
    if counts is None and largest and (one := quotas.exactly(_smallest(quotas, largest))) is not None:
        text = (
            f"a mix of {wanted:,} {unit} is impossible: the smallest that meets every target has {text_of(one):,}; "
            "raise balance.size"
        )
        if strata.mix.when_short == "error" and raise_if_short:
            raise ShortfallError(text)
        return _decision(strata, quotas, None, 0, text)
    if counts is None:
        return _short(strata, quotas, max(1, min(round(wanted / mean), most)), most, raise_if_short)
    made = text_of(counts)
    short = None
    if found == largest and made < 0.98 * wanted:
        short = (
            f"a mix of {wanted:,} {unit} is impossible: the largest that meets every target, {found:,} traces, has "
            f"{made:,}; generate more tasks or samples, or lower balance.size"
        )
        if strata.mix.when_short == "error" and raise_if_short:
            raise ShortfallError(short)
    note = f"{made:,} of {wanted:,} {unit}, in {found:,} traces"
    return _decision(strata, quotas, counts, found, short, [note])


def _smallest(quotas: Quotas, largest: int) -> int:
    """Return the smallest of the first sizes that meets every target; the largest if none of them does."""
    return next((size for size in range(1, min(largest, _TRIES)) if quotas.exactly(size) is not None), largest)


def _largest_within(
    quotas: Quotas, text_of: Callable[[Counts], int], wanted: int, largest: int, mean: float
) -> tuple[int, Counts | None]:
    """Search the sizes in traces, by the mean length of the mixes so far, then by halves."""
    low, high = 0, largest + 1  # the text of `low` fits
    best: Counts | None = None
    guess = round(wanted / mean)
    for _ in range(_TRIES):
        if high - low <= 1:
            break
        size = min(max(guess, low + 1), high - 1)
        counts = quotas.exactly(size)
        if counts is None:  # between sizes that can be met there may be one that cannot
            high, guess = size, (low + size) // 2
            continue
        text = text_of(counts)
        if text <= wanted:
            low, best = size, counts
        else:
            high = size
        by_mean = round(wanted * size / max(1, text))
        guess = by_mean if low < by_mean < high and by_mean != size else (low + high) // 2
    return low, best


def _decision(
    strata: Strata,
    quotas: Quotas,
    counts: Counts | None,
    size: int,
    shortfall: str | None = None,
    notes: list[str] | None = None,
) -> Decision:
    picked = pick(strata, counts if counts is not None else quotas.within(0))
    return Decision(strata, quotas, picked, size, shortfall, notes or [])
