"""The mixes on their way to their strata: the axes and tasks of each, and why traces cannot be in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import polars as pl

from infogap import ids
from infogap.balance.axes import Axis
from infogap.balance.axis_values import read_axes, values_left
from infogap.balance.coverage import Ask, draw_tasks, evened_out, room_by_fill
from infogap.balance.exclusion_reasons import reason_of_shares
from infogap.balance.matching import matched
from infogap.balance.mix_pool import measured, read_pool, with_reasons
from infogap.errors import InputError, ShortfallError
from infogap.recipe.balance_section import MixSettings
from infogap.recipe.recipe_errors import AtKeyError
from infogap.runs.run_folder import Run


@dataclass(frozen=True)
class MixDraft:
    """A mix on its way to its strata.

    `traces` has every trace of the run, by trace_id, with its `stratum`, its `draw` and, if it cannot be in the mix, a
    `reason` with its `detail`. `room` limits the traces of each task; None: nothing but the mix's own caps does.
    """

    mix: MixSettings
    axes: tuple[Axis, ...]
    traces: pl.DataFrame
    notes: list[str]
    room: dict[str, int] | None = None
    size: int | None = None
    follows: bool = False
    """Whether `room` is what a mix that it is matched with has taken, whose caps are kept already."""

    @property
    def candidates(self) -> pl.DataFrame:
        """Return the traces that may be in the mix."""
        return self.traces.filter(pl.col("reason").is_null())

    def without(self, reason: str, kept: pl.DataFrame, on: str) -> MixDraft:
        """Give the candidates that are not among `kept` a reason."""
        there = kept.select(on).unique().with_columns(_kept=True)
        traces = self.traces.join(there, on=on, how="left", maintain_order="left").with_columns(
            reason=pl.when(pl.col("reason").is_null() & pl.col("_kept").is_null())
            .then(pl.lit(reason))
            .otherwise("reason")
        )
        return replace(self, traces=traces.drop("_kept"))


@contextmanager
def naming_the_mix(run: Run, name: str) -> Iterator[None]:
    """Say in an error which of several mixes it is about, and on which line of the recipe the key stands."""
    try:
        yield
    except AtKeyError as error:
        mixes = run.recipe.balance.mixes
        if mixes is not None and (not error.path or error.path[0] in mixes[name].model_fields_set):
            raise InputError(run.problem_at(("balance", "mixes", name, *error.path), error.message)) from None
        of_mix = f"the mix `{name}`: " if mixes is not None and error.path != ("hold_out",) else ""
        raise InputError(run.problem_at(("balance", *error.path), of_mix + error.message)) from None
    except (InputError, ShortfallError) as error:
        if run.recipe.balance.mixes is None or str(error).startswith("the mix"):
            raise
        raise type(error)(f"the mix `{name}`: {error}") from None


def mix_drafts(run: Run) -> dict[str, MixDraft]:
    """Read the axes of each mix, and leave in it the traces that may be in it and, if it is matched, have counterparts.

    Raises InputError if a share names a value that no trace has, or a mix would hold the traces of several teachers
    unasked.
    """
    mixes = dict(run.recipe.balance.named_mixes())
    pool = read_pool(run, mixes.values())
    drafts = {}
    for name, mix in mixes.items():
        with naming_the_mix(run, name):
            drafts[name] = _draft(run, pool, name, mix)
    return drafts if run.recipe.balance.match is None else _matched(run, drafts)


def _draft(run: Run, pool: pl.DataFrame, name: str, mix: MixSettings) -> MixDraft:
    """Read the axes of a mix, and give every trace that cannot be in it a reason."""
    axes, traces, notes = read_axes(mix, with_reasons(run, pool, mix))
    without_share, which = reason_of_shares(axes)
    traces = traces.with_columns(
        stratum=_stratum(axes),
        reason=pl.coalesce("reason", without_share),
        detail=pl.when(pl.col("reason").is_null()).then(which).otherwise("detail"),
    )
    draft = _with_draws(MixDraft(mix, axes, traces, notes), run.recipe.seed)
    if mix.teacher_per_task is not None:
        draft = _one_teacher(draft, run.recipe.seed)
    _refuse_mixed_teachers(name, draft)
    effective = mix.coverage.effective_families if mix.coverage else None
    if effective is not None:
        family = next((axis for axis in axes if axis.name == "family"), None)
        even = evened_out(family, draft.candidates, effective, mix.traces)
        others = tuple(axis for axis in axes if axis.name != "family")
        draft = replace(draft, axes=(*others, even)).without(
            "not_in_mix", pl.DataFrame({"family": even.values}), "family"
        )
    return draft


def _stratum(axes: tuple[Axis, ...]) -> pl.Expr:
    """Name the stratum: `band=mixed verdict=correct`; null if a value is missing, or without axes."""
    if not axes:
        return pl.lit(None, dtype=pl.String)
    # Of an axis within another the values of both are named, apart.
    names = dict.fromkeys(part for axis in axes for part in reversed(axis.name.split(" given ")))
    return pl.concat_str([pl.format(f"{name}={{}}", pl.col(name)) for name in names], separator=" ")


def _with_draws(draft: MixDraft, seed: int) -> MixDraft:
    """Rank the candidates in an order drawn from the seed, which breaks ties."""
    candidates = draft.candidates["trace_id"]
    draws = pl.DataFrame(
        {"trace_id": candidates, "draw": [ids.digest((seed, trace_id)) for trace_id in candidates]},
        schema={"trace_id": pl.String, "draw": pl.String},
    )
    return replace(draft, traces=draft.traces.join(draws, on="trace_id", how="left", maintain_order="left"))


def _one_teacher(draft: MixDraft, seed: int) -> MixDraft:
    """Keep of each task the traces of one teacher."""
    by_teacher = draft.candidates.group_by("task_id", "teacher")
    if draft.mix.teacher_per_task == "least_surprising":
        ranked = by_teacher.agg(rank=pl.col(measured("surprisal")).mean()).drop_nulls("rank")
        if ranked.is_empty() and not draft.candidates.is_empty():
            raise AtKeyError(
                ("teacher_per_task",),
                "least_surprising needs the surprisal of traces under the student; name it as "
                "`measure: {gap: {scorer: ...}}`",
            )
    else:
        pairs = by_teacher.len()
        ranks = [ids.digest((seed, task, teacher)) for task, teacher, _ in pairs.iter_rows()]
        ranked = pairs.with_columns(rank=pl.Series(ranks, dtype=pl.String))
    first = ranked.sort("task_id", "rank", "teacher").group_by("task_id", maintain_order=True).first()
    kept = draft.candidates.join(first.select("task_id", "teacher"), on=["task_id", "teacher"], how="semi")
    return draft.without("other_teacher", kept, "trace_id")


def _refuse_mixed_teachers(name: str, draft: MixDraft) -> None:
    if draft.mix.allow_mixed_teachers:
        return
    teachers = (
        draft.candidates["teacher"].drop_nulls().value_counts().sort("count", "teacher", descending=[True, False])
    )
    if teachers.height > 1:
        listed = ", ".join(f"{teacher} ({count:,})" for teacher, count in teachers.head(10).iter_rows())
        first = teachers["teacher"][0]
        raise AtKeyError(
            (),
            f"the mix `{name}` would hold traces of {teachers.height} teachers: {listed}; traces of different "
            "teachers, mixed, destabilise learning. Choose one, as `balance: {teacher: {"
            + f'"{first}"'
            + ": 1}}`, or say that "
            "it is meant: `balance: {allow_mixed_teachers: true}`",
        )


def _matched(run: Run, drafts: dict[str, MixDraft]) -> dict[str, MixDraft]:
    """Leave in every mix the traces that have a counterpart in the others, and take as many of each task in all."""
    match = run.recipe.balance.match
    assert match is not None
    caps = [draft.mix.max_per_task for draft in drafts.values() if draft.mix.max_per_task is not None]
    kept = matched({name: draft.candidates for name, draft in drafts.items()}, match, min(caps, default=None))
    size = min((draft.mix.size for draft in drafts.values() if isinstance(draft.mix.size, int)), default=None)
    if size is not None and not any(_can_choose(draft, kept[name]) for name, draft in drafts.items()):
        kept = {name: _first(frame, size, run.recipe.seed) for name, frame in kept.items()}
    return {name: _with_units(replace(draft, size=size), kept[name]) for name, draft in drafts.items()}


def _can_choose(draft: MixDraft, kept: pl.DataFrame) -> bool:
    """Whether traces differ on an axis: which of them are taken is then a matter of the targets."""
    return any(kept[axis.name].n_unique() > 1 for axis in draft.axes)


def _with_units(draft: MixDraft, kept: pl.DataFrame) -> MixDraft:
    left = draft.without("unmatched", kept, "trace_id")
    units = kept.select("trace_id", "unit")
    return replace(left, traces=left.traces.join(units, on="trace_id", how="left", maintain_order="left"))


def _first(frame: pl.DataFrame, size: int, seed: int) -> pl.DataFrame:
    """Keep so many traces, of each task one before a second; the same tasks in every mix that has as many of each."""
    tasks = sorted(frame["task_id"].unique(), key=lambda task: ids.digest((seed, task)))
    places = pl.DataFrame({"task_id": tasks}, schema={"task_id": pl.String}).with_row_index("task_place")
    order = ["pair"] if "pair" in frame.columns else ["draw"]
    return (
        frame.join(places, on="task_id")
        .sort("task_id", *order)
        .with_columns(turn=pl.int_range(pl.len()).over("task_id"))
        .sort("turn", "task_place")
        .head(size)
    )


def with_tasks_drawn(drafts: dict[str, MixDraft], seed: int) -> dict[str, MixDraft]:
    """Draw the tasks of the mixes that count them; those that only differ in how many are nested.

    Raises ShortfallError if there are too few tasks.
    """
    done = dict(drafts)
    series: dict[object, list[str]] = {}
    for name, draft in drafts.items():
        if Ask.of(draft.mix) is not None:
            coverage = draft.mix.coverage
            assert coverage is not None
            alike = draft.mix.model_copy(update={"coverage": None, "size": None})
            key = alike.model_dump_json() if coverage.nested and coverage.families is None else name
            series.setdefault(key, []).append(name)
    for names in series.values():
        asks = {name: ask for name in names if (ask := Ask.of(drafts[name].mix))}
        first = drafts[names[0]]
        tasks = draw_tasks(asks, tasks_by_draw(first, seed), families=first.mix.coverage)
        for name in names:
            done[name] = _drawn(drafts[name], asks[name], tasks[name])
    return done


def tasks_by_draw(draft: MixDraft, seed: int) -> pl.DataFrame:
    """Return `task_id`, `family` and the `traces` that each task can supply, in an order drawn from the seed."""
    counted = draft.candidates.group_by("task_id").agg(pl.col("family").first(), traces=pl.len().cast(pl.Int64))
    cap = draft.mix.max_per_task
    drawn = sorted(counted["task_id"], key=lambda task: ids.digest((seed, task)))
    order = pl.DataFrame({"task_id": drawn}, schema={"task_id": pl.String})
    capped = counted if cap is None else counted.with_columns(pl.col("traces").clip(upper_bound=cap))
    return order.join(capped, on="task_id", how="left", maintain_order="left")


def _drawn(draft: MixDraft, ask: Ask, tasks: list[str]) -> MixDraft:
    coverage = draft.mix.coverage
    drawn = draft.without("task_not_drawn", pl.DataFrame({"task_id": tasks}, schema={"task_id": pl.String}), "task_id")
    drawn = replace(drawn, axes=values_left(draft.mix, draft.axes, drawn.candidates))
    if coverage is None or coverage.per_task is None:
        return drawn
    if coverage.per_task == "fill" and isinstance(draft.mix.size, int):
        return replace(drawn, room=room_by_fill(draft.mix.size, tasks), size=draft.mix.size)
    return replace(drawn, room=dict.fromkeys(tasks, ask.per_task), size=len(tasks) * ask.per_task)
