"""The recipe's section `balance`: one mix or several, with their axes, coverage and size, and how they are matched."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    field_serializer,
    model_validator,
)

from infogap.recipe.axis_targets import MOST, AxisTargets, OnAxis, OnBand, OnVerdict
from infogap.recipe.base import Model, each_once, is_none, refuse, refuse_at

THE_MIX = "mix"
"""The name of the mix in a recipe without `mixes`."""

_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)\s*([kKmMgGbB]?)")
_OF_THE_SECTION = ("mixes", "match", "hold_out", "top_up")  # keys that one of several mixes cannot have
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "b": 10**9}
_MIX_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


def _amount(value: Any) -> Any:
    """Read `2M` as 2,000,000."""
    if isinstance(value, str):
        read = _AMOUNT.fullmatch(value.strip().replace("_", "").replace(",", ""))
        if read is None:
            raise refuse(f"an amount is a number such as 500k or 2M; found '{value}'")
        return round(float(read[1]) * _UNITS[read[2].lower()])
    return value


Count = Annotated[int, Field(ge=1, le=MOST)]


class TextSize(Model):
    """The size of a mix as an amount of text."""

    tokens: Annotated[int, BeforeValidator(_amount), Field(ge=1, le=MOST)] | None = Field(
        None, description="Tokens of the responses, as the teacher counted them: 2M."
    )
    words: Annotated[int, BeforeValidator(_amount), Field(ge=1, le=MOST)] | None = Field(
        None, description="Words of the traces: 500k."
    )

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.tokens is None) == (self.words is None):
            raise refuse("name `tokens` or `words`")
        return self


def _no_other_word(value: Any) -> Any:
    if isinstance(value, str) and value != "max":
        raise refuse(f"a size is a number of traces, max, or text such as {{tokens: 2M}}; found '{value}'")
    return value


def _kind_of_size(value: Any) -> str:
    if isinstance(value, TextSize | dict):
        return "text"
    return "word" if isinstance(value, str) else "traces"


Size = Annotated[
    Annotated[Count, Tag("traces")] | Annotated[Literal["max"], Tag("word")] | Annotated[TextSize, Tag("text")],
    Discriminator(_kind_of_size),
    BeforeValidator(_no_other_word),
]


class Coverage(Model):
    """How many tasks and families a mix covers. Only tasks that can supply their traces are drawn."""

    tasks: Annotated[int, Field(le=MOST)] | list[Annotated[int, Field(le=MOST)]] | None = Field(
        None, description="Tasks of the mix; in `mixes`, a list of numbers."
    )
    families: Count | None = Field(None, description="Families of the mix.")
    tasks_per_family: Count | None = Field(None, description="With `families`: tasks of each.")
    per_task: Count | Literal["fill"] | None = Field(
        None, description="Traces of each task; fill: the size divided over the tasks, to within one."
    )
    effective_families: float | None = Field(
        None,
        ge=1,
        description="The least effective number of families: exp of the entropy of their shares.",
    )
    nested: bool = Field(True, description="A mix with fewer tasks has some of the tasks of the mix with more.")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        numbers = self.tasks if isinstance(self.tasks, list) else [self.tasks] if self.tasks is not None else []
        if any(number < 1 for number in numbers) or self.tasks == []:
            raise refuse("`tasks` should be 1 or more")
        if len(set(numbers)) < len(numbers):
            raise refuse("`tasks` lists a number twice")
        if self.tasks is not None and (self.families is not None or self.tasks_per_family is not None):
            raise refuse("name `tasks`, or `families` and `tasks_per_family`")
        if (self.families is None) != (self.tasks_per_family is None):
            raise refuse("`families` and `tasks_per_family` go together")
        if self.tasks is None and self.families is None and self.effective_families is None:
            raise refuse("is empty; name `tasks`, `families` or `effective_families`")
        if self.families is not None and self.effective_families is not None:
            raise refuse("name `families` or `effective_families`: drawn families are not evened out")
        if self.per_task is not None and self.tasks is None and self.families is None:
            raise refuse("`per_task` needs `tasks`, or `families` and `tasks_per_family`")
        return self

    @property
    def task_count(self) -> int | None:
        """The number of tasks of a mix; None if the recipe does not set it."""
        if self.families is not None and self.tasks_per_family is not None:
            return self.families * self.tasks_per_family
        return self.tasks if isinstance(self.tasks, int) else None


def _columns_to_match(names: list[str]) -> list[str]:
    for name in ("task_id", "trace_id"):
        if name in names:
            raise refuse(f"traces cannot be matched on '{name}'; `on: task` matches tasks")
    return each_once(names)


class Match(Model):
    """What all mixes have in common, so that they differ in one thing."""

    on: Literal["task"] = Field("task", description="All mixes have the same tasks.")
    traces: Literal["equal"] = Field("equal", description="Every mix has equally many traces of each task.")
    same: Annotated[list[str], AfterValidator(_columns_to_match)] = Field(
        [], description="Columns whose values are matched trace by trace within a task: [band]."
    )
    length: float | None = Field(
        None, gt=0, description="How much longer, at most, one of two matched traces may be: 0.2 is a fifth."
    )


class HoldOut(Model):
    """Families kept out of every mix, to test on them what is trained on the mixes."""

    families: Count | Annotated[list[str], Field(min_length=1), AfterValidator(each_once)] = Field(
        description="Their number, to be drawn from the seed, or their names."
    )


MOST_PER_TRACE = 8
"""The most samples that one round of a top-up requests for each missing trace, however rarely a sample fits."""


class TopUp(Model):
    """Generate what a mix lacks, round by round, until it is full."""

    rounds: int = Field(1, ge=1, le=20, description="The most rounds of generating and balancing again.")


class MixSettings(Model):
    """One mix: its size, its axes with their shares, its tasks. An axis that is not named has no targets.

    Any other key is a column of the run as an axis: `teacher: uniform`, `gap_per_token: {cuts: [0.02, 0.2], shares:
    [0.2, 0.3, 0.5]}`.
    """

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, OnAxis]

    size: Size | None = Field(
        None, description="The mix in traces, or in text; by default (max) as many traces as the shares allow."
    )
    leak: Literal["keep", "drop"] = Field("drop", description="Traces that show what only the teacher saw.")
    derived: Literal["keep", "drop"] | Annotated[list[str], Field(min_length=1), AfterValidator(each_once)] = Field(
        "drop",
        exclude_if=lambda asked: asked == "drop",
        description="Derived traces: drop them, or keep them beside the others; or make the mix of those of some "
        "changes, by name.",
    )
    verdict: OnVerdict | None = Field(
        None, description="By default only correct traces, and those of tasks without a gold answer."
    )
    band: OnBand | None = None
    family: OnAxis | None = None
    privilege: OnAxis | None = None
    where: str | None = Field(
        None,
        exclude_if=is_none,
        description="An SQL condition over the columns of traces and measures: `words < 2000 AND longest_copy < 6`. "
        "Traces for which it is false or null are excluded.",
    )
    coverage: Coverage | None = Field(None, exclude_if=is_none, description="Tasks and families of the mix.")
    max_per_task: Count | None = Field(None, description="Traces of one task, at most.")
    max_per_cluster: Count | None = Field(
        None, exclude_if=is_none, description="Traces of tasks whose questions are near-duplicates, at most."
    )
    max_per_teacher: Count | None = Field(None, exclude_if=is_none, description="Traces of one teacher, at most.")
    teacher_per_task: Literal["drawn", "least_surprising"] | None = Field(
        None,
        exclude_if=is_none,
        description="Take the traces of each task from one teacher: drawn from the seed, or the one whose traces "
        "surprise the student least (mean surprisal).",
    )
    allow_mixed_teachers: bool | None = Field(
        None, exclude_if=is_none, description="Accept a mix with traces of more than one teacher."
    )
    when_short: Literal["error", "shrink", "best_effort"] = Field(
        "error",
        description="With too few traces for the targets: stop, keep the shares and shrink the size, "
        "or keep the size and come as close to the shares as possible.",
    )

    @classmethod
    def accepts(cls, _key: object, _value: object) -> bool:
        """Accept any other name as a column, if its value can be the targets of an axis."""
        return isinstance(_key, str) and _key not in _OF_THE_SECTION and isinstance(_value, str | dict | AxisTargets)

    @property
    def axes(self) -> dict[str, Any]:
        """The axes that the recipe names, in a fixed order, with the targets of each."""
        named = {axis: getattr(self, axis) for axis in ("band", "verdict", "family", "privilege")}
        named |= dict(sorted((self.__pydantic_extra__ or {}).items()))
        return {axis: asked for axis, asked in named.items() if asked is not None}

    def contradiction(self) -> str | None:
        """Describe what contradicts itself in a mix that inherits nothing more; None if nothing does."""
        coverage = self.coverage
        if self.when_short == "best_effort" and self.size in (None, "max") and not self._size_by_coverage:
            return "`when_short: best_effort` needs a `size` to come close to"
        if coverage is not None and isinstance(coverage.tasks, list):
            return "a list of `tasks` makes several mixes: write it as `mixes: {coverage: {tasks: [...]}}`"
        if coverage is not None and coverage.per_task == "fill" and not isinstance(self.size, int):
            return "`per_task: fill` needs a `size` in traces to fill up to"
        if self._size_by_coverage and self.size is not None and self._size_by_coverage != self.size:
            return f"`coverage` makes {self._size_by_coverage:,} traces, and `size` says otherwise; leave `size` out"
        return self._of_axes_within_others()

    def _of_axes_within_others(self) -> str | None:
        for name, asked in self.axes.items():
            given = asked.given if isinstance(asked, AxisTargets) else None
            if self.max_per_teacher is not None and given is not None and "teacher" in (name, given):
                return f"`max_per_teacher` cannot be combined with shares of `{name}` within each `{given}`"
            if given == name:
                return f"`{name}: {{given: {name}}}` gives shares within the values of the column itself"
            outer = self.axes.get(given) if given is not None else None
            if isinstance(outer, AxisTargets) and outer.shares is None and (outer.floor, outer.cap) != (None, None):
                return f"`{name}` has shares within each `{given}`, which has bounds alone; give `{given}` shares, too"
        return None

    @property
    def _size_by_coverage(self) -> int | None:
        """The size of the mix in traces, if its coverage determines it."""
        if self.coverage is None or not isinstance(self.coverage.per_task, int):
            return None
        tasks = self.coverage.task_count
        return None if tasks is None else tasks * self.coverage.per_task

    @property
    def traces(self) -> int | None:
        """The size of the mix in traces, if it is known beforehand."""
        return self._size_by_coverage or (self.size if isinstance(self.size, int) else None)


def _expanded(mixes: Any) -> Any:
    """Write `coverage: {tasks: [8, 64]}` among the mixes as the mixes `tasks-8` and `tasks-64`."""
    if not isinstance(mixes, dict) or not isinstance(mixes.get("coverage"), dict):
        return mixes
    series = dict(mixes["coverage"])
    numbers = series.get("tasks")
    if not isinstance(numbers, list) or not all(isinstance(number, int) for number in numbers):
        raise refuse("`coverage` among the mixes makes one for each number of tasks: `{tasks: [8, 64], per_task: 8}`")
    size = {"size": series.pop("size")} if "size" in series else {}
    for number in numbers:
        if f"tasks-{number}" in mixes or numbers.count(number) > 1:
            raise refuse(f"`coverage` makes the mix `tasks-{number}`, and another has that name")
    made = {f"tasks-{number}": {"coverage": series | {"tasks": number}} | size for number in numbers}
    return {name: mix for name, mix in mixes.items() if name != "coverage"} | made


def _matching_problem(mix: MixSettings, balance: Balance) -> str | None:
    """Describe why a mix cannot have the same tasks as the others; None if it can."""
    if mix.coverage is not None and mix.coverage.effective_families is not None:
        return "matched mixes have the tasks that all of them can supply; leave `effective_families` out"
    if sum(mix.coverage == other.coverage for _, other in balance.named_mixes()) < 2:
        return "matched mixes cover the same tasks: give another mix the same `coverage`, or write it beside `mixes`"
    if isinstance(mix.size, TextSize):
        return "matched mixes have equally many traces of each task; give a `size` in traces"
    return None


class Balance(MixSettings):
    """One mix, or several named under `mixes`, which inherit from here the keys that they do not set."""

    mixes: Annotated[dict[str, MixSettings], BeforeValidator(_expanded)] | None = Field(
        None, min_length=1, exclude_if=is_none, description="Several mixes of one run, by name; each is published."
    )
    match: Match | None = Field(None, exclude_if=is_none, description="What all mixes have in common.")
    hold_out: HoldOut | None = Field(None, exclude_if=is_none, description="Families kept out of every mix.")
    top_up: TopUp | None = Field(None, exclude_if=is_none, description="Generate what the mixes lack.")

    @model_validator(mode="after")
    def _mixes_are_whole(self) -> Self:
        for name in self.mixes or {}:
            if not _MIX_NAME.fullmatch(name):
                raise refuse(f"the name of a mix may contain only letters, digits, '.', '_' and '-'; found '{name}'")
        if self.match is not None and len(self.mixes or {}) < 2:
            raise refuse("`match` makes several mixes comparable; name two or more under `mixes`")
        for name, mix in self.named_mixes():
            if problem := mix.contradiction():
                raise refuse_at(("mixes", name), problem) if self.mixes else refuse(problem)
            if self.match is not None and (problem := _matching_problem(mix, self)):
                raise refuse_at(("mixes", name), problem)
        return self

    @field_serializer("mixes")
    def _as_written(self, mixes: dict[str, MixSettings] | None) -> dict[str, Any] | None:
        """Write only the keys that each mix sets itself: it inherits the others."""
        if mixes is None:
            return None
        return {name: mix.model_dump(mode="json", by_alias=True, exclude_unset=True) for name, mix in mixes.items()}

    def named_mixes(self) -> Iterator[tuple[str, MixSettings]]:
        """Yield each mix by name, inherited keys included; a recipe without `mixes` has one, called `mix`."""
        own = {name: getattr(self, name) for name in MixSettings.model_fields} | (self.__pydantic_extra__ or {})
        if self.mixes is None:
            yield THE_MIX, MixSettings.model_validate(own)
        for name, mix in (self.mixes or {}).items():
            said = {key: getattr(mix, key) for key in mix.model_fields_set}
            yield name, MixSettings.model_validate(own | said)
