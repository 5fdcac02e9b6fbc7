"""Whether targets can be met at all: caps and floors that no further sample of the run's tasks changes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import polars as pl

from infogap.balance.axis_values import fixed_names
from infogap.balance.coverage import Ask
from infogap.balance.strata import Strata, TaskSupply
from infogap.recipe.axis_targets import AxisTargets
from infogap.recipe.balance_section import MixSettings

NEVER = ("task_not_selected", "error", "contaminated", "held_out", "other_teacher")
"""Reasons that exclude every further trace of a task, where they exclude all that it has."""

_OF_REQUESTS = ("family", "source", "difficulty", "task_id", "privilege", "teacher")  # no further sample adds a value


def why_unreachable(strata: Strata, size: int) -> str | None:
    """Say which caps or floors keep a mix from having `size` traces, whatever is sampled; None if none does."""
    possible = strata.traces.filter(~pl.col("reason").is_in(NEVER).fill_null(value=False))
    problems = [*_of_tasks(strata.mix, possible, size)]
    for axis, asked in _bounded(strata.mix).items():
        values = fixed_names(axis, asked)
        if values is None and axis in _OF_REQUESTS:
            values = tuple(possible[axis].drop_nulls().unique())
        if values is not None:  # else a further sample can have a value that no trace has yet
            problems += _of_axis(axis, asked, values, size)
    return problems[0] if problems else None


def _of_tasks(mix: MixSettings, possible: pl.DataFrame, size: int) -> Iterator[str]:
    cap = mix.max_per_task
    if cap is None or Ask.of(mix) is not None:  # of a coverage, the tasks that it asks for are looked at
        return
    tasks = possible["task_id"].n_unique()
    if tasks * cap < size:
        yield (
            f"add tasks, or raise `max_per_task`: with {cap:,}, {_number(tasks, 'task')} can give {tasks * cap:,} of "
            f"{size:,} traces, however many are sampled"
        )


def _bounded(mix: MixSettings) -> dict[str, AxisTargets]:
    asked = {name: each for name, each in mix.axes.items() if isinstance(each, AxisTargets) and each.given is None}
    if mix.max_per_teacher is not None:
        asked["teacher"] = AxisTargets(cap=mix.max_per_teacher)
    return asked


def _of_axis(axis: str, asked: AxisTargets, values: tuple[str, ...], size: int) -> Iterator[str]:
    named = asked.shares if isinstance(asked.shares, dict) else None
    values = tuple(value for value in values if named is None or named.get(value))
    most = sum(_traces(_bound_of(value, asked.cap, 1.0), size, math.floor) for value in values)
    least = sum(_traces(_bound_of(value, asked.floor, 0), size, math.ceil) for value in values)
    if values and most < size:
        yield (
            f"raise the cap of `{axis}`: on {_number(len(values), 'value')}, it leaves room for {most:,} of {size:,} "
            "traces, however many are sampled"
        )
    if least > size:
        yield (
            f"lower the floor of `{axis}`: on {_number(len(values), 'value')}, it adds up to {least:,}, which is more "
            f"than the {size:,} traces of the mix"
        )


def _bound_of(value: str, bound: Any, otherwise: float) -> float:
    found = bound.get(value, otherwise) if isinstance(bound, dict) else bound
    return otherwise if found is None else found


def _traces(bound: float, size: int, rounded: Any) -> int:
    """Return a bound in traces; a part of the mix is rounded as the mix itself does."""
    return int(rounded(round(bound * size, 6))) if isinstance(bound, float) else bound


def too_few_tasks(supply: TaskSupply, tasks: pl.DataFrame) -> bool:
    """Whether a coverage asks for more tasks than there are, or for more traces of each than the mix allows."""
    cap, coverage = supply.mix.max_per_task, supply.mix.coverage
    if cap is not None and cap < supply.ask.per_task:
        return True
    if coverage is not None and coverage.families is not None and coverage.tasks_per_family is not None:
        of_family = tasks.drop_nulls("family").group_by("family").len()
        return of_family.filter(pl.col("len") >= coverage.tasks_per_family).height < coverage.families
    return tasks.height < supply.ask.tasks


def _number(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
