"""The recipe's section `generate`: how many traces, under which privileges, and when to stop."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import Field, PrivateAttr, ValidationInfo, model_validator

from infogap.errors import nearest
from infogap.recipe.base import Model, refuse_at
from infogap.recipe.privilege_entries import PrivilegeEntry, PrivilegeUse, entry_parts, privilege_use, recipe_folder

DEFAULT_INSTRUCTION = r"Please reason step by step, and put your final answer within \boxed{}."

MOST_SAMPLES = 100_000  # of one task: their requests are listed before the first is sent


class Until(Model):
    """Rejection sampling: sample again, `samples` at a time, until enough traces are correct."""

    correct: int = Field(ge=1, le=MOST_SAMPLES, description="Correct traces per task and privilege at which to stop.")
    max_attempts: int = Field(ge=1, le=MOST_SAMPLES, description="Traces per task and privilege, at most.")


Rate = Annotated[float, Field(ge=0, le=1)]


class Select(Model):
    """Keep the tasks that the unguided teacher solves sometimes, but neither never nor always."""

    pass_rate: list[Rate] = Field(
        [0.125, 0.5], min_length=2, max_length=2, description="The lowest and the highest rate that is kept."
    )
    samples: int = Field(
        8, ge=1, le=MOST_SAMPLES, description="Unguided traces per task that the rate is measured on; they are kept."
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.pass_rate[0] > self.pass_rate[1]:
            raise refuse_at(("pass_rate",), "give the lowest rate first, then the highest")
        return self

    @model_validator(mode="after")
    def _attainable(self) -> Self:
        low, high = self.pass_rate
        if not any(low <= correct / self.samples <= high for correct in range(self.samples + 1)):
            rates = {1: "0 and 1", 2: "0, 0.5 and 1"}.get(self.samples, f"multiples of 1/{self.samples}")
            key = "pass_rate" if "pass_rate" in self.model_fields_set else "samples"
            message = f"the rates that {self.samples} samples can give are {rates}: none is from {low:g} to {high:g}"
            raise refuse_at((key,), message)
        return self


class Generate(Model):
    """How many traces, under which privileges, in which words."""

    samples: int = Field(4, ge=1, le=MOST_SAMPLES, description="Traces per task and privilege.")
    privileges: list[PrivilegeEntry] = Field(min_length=1)
    one_teacher_per_task: bool = Field(
        False,
        exclude_if=lambda drawn: not drawn,
        description="With several `teachers`: one of them, drawn for each task, answers it under every privilege.",
    )
    until: Until | None = None
    select: Select | None = None
    wording: Literal["infogap", "kim2026"] = Field("infogap", description="The template set that words the contexts.")
    instruction: str = Field(DEFAULT_INSTRUCTION, description="Ends every prompt, the student's and the teacher's.")

    _uses: tuple[PrivilegeUse, ...] = PrivateAttr(())

    @property
    def uses(self) -> tuple[PrivilegeUse, ...]:
        """The privileges with their options, in the recipe's order."""
        return self._uses

    @property
    def named(self) -> list[str]:
        """The names of the privileges that the recipe does not define by a template."""
        return [name for name, options in map(entry_parts, self.privileges) if options.template is None]

    @cached_property
    def unguided(self) -> PrivilegeUse:
        """The privilege under which tasks are probed for `select`, whether or not the recipe names it."""
        return next((use for use in self.uses if use.is_unguided), None) or privilege_use("unguided")

    @property
    def in_rounds(self) -> bool:
        """True if some requests depend on the verdicts on earlier ones."""
        return bool(self.until or self.select or any(use.attempts or use.notes for use in self.uses))

    @property
    def shows_notes(self) -> bool:
        """True if some contexts hold what a model wrote for them: critiques or lessons."""
        return any(use.notes for use in self.uses)

    @property
    def in_order(self) -> list[PrivilegeUse]:
        """The privileges, each after the one whose attempts it shows."""
        by_label = {use.label: use for use in self.uses}
        placed: dict[str, PrivilegeUse] = {}

        def place(use: PrivilegeUse) -> None:
            source = by_label.get(use.source or "")
            if source is not None:
                place(source)
            placed.setdefault(use.label, use)

        for use in by_label.values():
            place(use)
        return list(placed.values())

    def uses_of(self, teacher: str) -> list[PrivilegeUse]:
        """Return the privileges, in order, under which a teacher answers; `teacher` is its name in the recipe."""
        return [use for use in self.in_order if use.answered_by(teacher)]

    @model_validator(mode="after")
    def _resolve(self, info: ValidationInfo) -> Self:
        """Look the privileges up once, for the checks below."""
        self._uses = tuple(privilege_use(entry, recipe_folder(info)) for entry in self.privileges)
        return self

    @model_validator(mode="after")
    def _labels_differ(self) -> Self:
        labels = [use.label for use in self.uses]
        for index, label in enumerate(labels):
            if label in labels[:index]:
                message = f"two privileges are called {label}; tell them apart with `as: NAME`"
                raise refuse_at(("privileges", index), message)
        return self

    @model_validator(mode="after")
    def _attempts_are_made(self) -> Self:
        by_label = {use.label: use for use in self.uses}
        made = by_label.keys() | ({self.unguided.label} if self.select else set())
        for index, use in enumerate(self.uses):
            place = ("privileges", index)
            if use.source is not None and use.source not in made:
                raise refuse_at(
                    place,
                    f"'{use.label}' shows attempts made under '{use.source}', which is not generated"
                    f"{nearest(use.source, made)}; add it, or name another one with `from`",
                )
            chain = [use.label]
            while (source := by_label.get(by_label[chain[-1]].source or "")) is not None:
                if source.label in chain:
                    message = f"{' shows '.join([*chain, source.label])}: none of them can come first"
                    raise refuse_at(place, message)
                chain.append(source.label)
        return self

    @model_validator(mode="after")
    def _attempts_suffice(self) -> Self:
        if self.until is None:
            return self
        for name, least in (("samples", self.samples), ("until.correct", self.until.correct)):
            if self.until.max_attempts < least:
                message = f"is {self.until.max_attempts}, but must be at least `{name}`, which is {least}"
                raise refuse_at(("until", "max_attempts"), message)
        return self
