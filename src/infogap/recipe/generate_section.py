"""What generate takes from a recipe: how many traces, under which privileges, until when."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from infogap.privileges.ladder import BY_NAME, AttemptKind, Need
from infogap.recipe.base import Model, refuse, refuse_at
from infogap.spelling import nearest

DEFAULT_INSTRUCTION = r"Please reason step by step, and put your final answer within \boxed{}."


class PrivilegeOptions(Model):
    """Options of a privilege; `template`, `richness` and `needs` define one of the recipe's own."""

    as_: str | None = Field(None, alias="as", min_length=1, description="The name under which its traces are kept.")
    fraction: float | None = Field(None, gt=0, lt=1, description="hint: the share of the solution shown.")
    steps: int | None = Field(None, ge=1, description="hint: how many sentences or lines are shown.")
    from_: str | None = Field(
        None, alias="from", min_length=1, description="The privilege whose attempts are shown, as the recipe calls it."
    )
    turns: int | None = Field(None, ge=1, description="verifier: attempts after the first, at most; by default 1.")
    verdict: Literal["bare", "answer"] | None = Field(
        None, description="verifier: say that the attempt is wrong (bare, the default), or the gold answer too."
    )
    template: str | None = Field(None, min_length=1, description="Own privilege: the context, in Jinja.")
    richness: float | None = Field(None, ge=0, description="Own privilege: its rank on the ladder.")
    needs: list[Need] = Field([], description="Own privilege: what a task must have for it.")


class PrivilegeUse(Model):
    """One entry of `generate.privileges`, spelled out. `label` is what the tables call it."""

    name: str
    label: str
    options: PrivilegeOptions

    @property
    def needs(self) -> tuple[Need, ...]:
        """What a task must have."""
        known = BY_NAME.get(self.name)
        if known is None:
            return tuple(self.options.needs)
        if self.options.verdict == "answer":
            return ("answer",)
        return () if self.attempts else known.needs

    @property
    def attempts(self) -> AttemptKind | None:
        """Which attempts it shows, if it does; a style shows the right ones of the privilege that it names."""
        known = BY_NAME.get(self.name)
        if known is not None and known.style:
            return "right" if self.options.from_ else None
        return known.attempts if known else None

    @property
    def attempts_from(self) -> str | None:
        """The label of the privilege whose attempts it shows."""
        return (self.options.from_ or BY_NAME[self.name].attempts_from) if self.attempts else None

    @property
    def turns(self) -> int:
        """How many attempts one sample may take: a verifier's teacher tries again until it is right."""
        return self.options.turns or 1

    @property
    def worded_as(self) -> str:
        """The privilege whose words in the template set this one takes."""
        known = BY_NAME.get(self.name)
        return known.imitates or known.name if known else self.name

    @property
    def richness(self) -> float:
        known = BY_NAME.get(self.name)
        return known.richness if known else self.options.richness or 0


def _check_privilege(entry: str | dict[str, PrivilegeOptions]) -> str | dict[str, PrivilegeOptions]:
    if isinstance(entry, dict) and len(entry) != 1:
        raise refuse("one privilege per entry: `- hint: {fraction: 0.3}`")
    use = privilege_use(entry)
    known = BY_NAME.get(use.name)
    if not use.label.strip() or not use.label.isprintable():
        raise refuse(f"the name {use.label!r} cannot be read in tables; choose another one")
    given = set(use.options.model_dump(by_alias=True, exclude_defaults=True))
    if known is None:
        if use.options.template is None:
            allowed = [name for name, privilege in BY_NAME.items() if not privilege.scoring]
            raise refuse(
                f"unknown privilege '{use.name}'{nearest(use.name, allowed)}; allowed: {', '.join(allowed)}, "
                "or one of your own with a `template`"
            )
        extra = given - {"as", "template", "richness", "needs"}
    else:
        extra = given - {"as", *known.options}
    if known is not None and known.scoring:
        raise refuse(f"'{use.name}' is for scoring traces; no trace is written under it")
    if extra:
        raise refuse(f"privilege '{use.name}' has no option {', '.join(sorted(extra))}")
    if use.label != use.name and use.label in BY_NAME:
        raise refuse(f"`as: {use.label}` is the name of another privilege; choose a name of your own")
    if use.options.fraction is not None and use.options.steps is not None:
        raise refuse("a hint is cut by `fraction` or by `steps`, not by both")
    return entry


def _entry_kind(value: Any) -> str:
    return "options" if isinstance(value, dict) else "name"


PrivilegeEntry = Annotated[
    Annotated[str, Tag("name")] | Annotated[dict[str, PrivilegeOptions], Tag("options")],
    Discriminator(_entry_kind),
    AfterValidator(_check_privilege),
]


def privilege_use(entry: str | dict[str, PrivilegeOptions]) -> PrivilegeUse:
    """An entry of the recipe, spelled out."""
    if isinstance(entry, str):
        return PrivilegeUse(name=entry, label=entry, options=PrivilegeOptions())
    ((name, options),) = entry.items()
    return PrivilegeUse(name=name, label=options.as_ or name, options=options)


class Until(Model):
    """Rejection sampling: ask again, `samples` at a time, until enough traces are correct."""

    correct: int = Field(ge=1, description="Correct traces per task and privilege that are enough.")
    max_attempts: int = Field(ge=1, description="Traces per task and privilege, at most.")


Rate = Annotated[float, Field(ge=0, le=1)]


class Select(Model):
    """Keep the tasks that the unguided teacher solves sometimes: neither never nor always."""

    pass_rate: list[Rate] = Field(
        [0.125, 0.5], min_length=2, max_length=2, description="The lowest and the highest rate that is kept."
    )
    samples: int = Field(8, ge=1, description="Unguided traces per task from which the rate is taken; they are kept.")

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

    samples: int = Field(4, ge=1, description="Traces per task and privilege.")
    privileges: list[PrivilegeEntry] = Field(min_length=1)
    until: Until | None = None
    select: Select | None = None
    wording: Literal["infogap", "kim2026"] = Field("infogap", description="The template set that words the contexts.")
    instruction: str = Field(DEFAULT_INSTRUCTION, description="Ends every prompt, the student's and the teacher's.")

    @property
    def uses(self) -> list[PrivilegeUse]:
        return [privilege_use(entry) for entry in self.privileges]

    @property
    def unguided(self) -> PrivilegeUse:
        """The privilege under which tasks are probed for `select`, whether or not the recipe names it."""
        return next((use for use in self.uses if use.name == "unguided"), privilege_use("unguided"))

    @property
    def in_rounds(self) -> bool:
        """Whether some requests depend on the verdicts on earlier ones."""
        return bool(self.until or self.select or any(use.attempts for use in self.uses))

    @property
    def in_order(self) -> list[PrivilegeUse]:
        """The privileges, each after the one whose attempts it shows."""
        by_label = {use.label: use for use in self.uses}
        placed: dict[str, PrivilegeUse] = {}

        def place(use: PrivilegeUse) -> None:
            source = by_label.get(use.attempts_from or "")
            if source is not None:
                place(source)
            placed.setdefault(use.label, use)

        for use in by_label.values():
            place(use)
        return list(placed.values())

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
            if use.attempts_from is not None and use.attempts_from not in made:
                raise refuse_at(
                    place,
                    f"'{use.label}' shows attempts made under '{use.attempts_from}', which is not generated"
                    f"{nearest(use.attempts_from, made)}; add it, or name another one with `from`",
                )
            chain = [use.label]
            while (source := by_label.get(by_label[chain[-1]].attempts_from or "")) is not None:
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
                message = f"is {self.until.max_attempts}, and must be at least `{name}`, which is {least}"
                raise refuse_at(("until", "max_attempts"), message)
        return self
