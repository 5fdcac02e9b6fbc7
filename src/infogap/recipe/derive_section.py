"""The recipe's section `derive`: new traces made from the run's traces, by rule."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from infogap.recipe.base import Model, each_once, is_none, refuse
from infogap.recipe.preference_pairs import Verdict

Share = Annotated[float, Field(gt=0, le=1)]
MarkerCategory = Literal["hedge", "self_correction", "verification", "alternative", "ignorance"]
CATEGORIES: tuple[MarkerCategory, ...] = ("hedge", "self_correction", "verification", "alternative", "ignorance")


class Change(Model):
    """A change, and the traces that it is made from."""

    as_: str | None = Field(
        None,
        alias="as",
        pattern=r"^[A-Za-z0-9_.-]+$",
        max_length=60,
        description="The name of the derived traces; by default that of the change.",
    )
    privileges: Annotated[list[str], AfterValidator(each_once)] | None = Field(
        None, min_length=1, description="Derive from traces under these privileges; by default all."
    )
    verdicts: Annotated[list[Verdict], AfterValidator(each_once)] = Field(
        ["correct"], min_length=1, description="Derive from traces with these verdicts."
    )


class StripMarkers(Change):
    """Remove expressed doubt; the content stays."""

    share: Share = Field(1.0, description="Of the sentences that have a marker.")
    categories: Annotated[list[MarkerCategory], AfterValidator(each_once)] = Field(
        list(CATEGORIES), min_length=1, description="Of infogap's lexicon; by default all."
    )


class ShuffleSteps(Change):
    """Move steps to each other's places."""

    share: Share = Field(1.0, description="Of the trace's steps.")


class DeleteSteps(Change):
    """Remove steps."""

    share: Share = Field(0.33, description="Of the trace's steps.")


class InsertSteps(Change):
    """Insert steps of other tasks' traces."""

    share: Share = Field(0.33, description="Of the number of the trace's own steps.")


class CorruptDigits(Change):
    """Replace digits of the thought by other digits."""

    share: Share = Field(0.5, description="Of the thought's digits.")


class WrongAnswer(Change):
    """Replace the final answer by a wrong one of its form."""


class CutAfterAnswer(Change):
    """Remove what follows the first statement of the final answer in the thought."""


class Derivation(Model):
    """One entry of `derive`: one change with its options."""

    strip_markers: StripMarkers | None = Field(None, exclude_if=is_none)
    shuffle_steps: ShuffleSteps | None = Field(None, exclude_if=is_none)
    delete_steps: DeleteSteps | None = Field(None, exclude_if=is_none)
    insert_steps: InsertSteps | None = Field(None, exclude_if=is_none)
    corrupt_digits: CorruptDigits | None = Field(None, exclude_if=is_none)
    wrong_answer: WrongAnswer | None = Field(None, exclude_if=is_none)
    cut_after_answer: CutAfterAnswer | None = Field(None, exclude_if=is_none)

    @model_validator(mode="after")
    def _one_change(self) -> Self:
        if len(self._set) != 1:
            known = ", ".join(type(self).model_fields)
            raise refuse(f"name one change, such as `shuffle_steps: {{share: 0.5}}`; there are {known}")
        return self

    @property
    def _set(self) -> list[str]:
        return [name for name in type(self).model_fields if getattr(self, name) is not None]

    @property
    def kind(self) -> str:
        """The name of the change."""
        return self._set[0]

    @property
    def change(self) -> Change:
        """The options of the change."""
        change: Change = getattr(self, self.kind)
        return change

    @property
    def name(self) -> str:
        """The name of the derived traces."""
        return self.change.as_ or self.kind


def names_differ(entries: list[Derivation]) -> list[Derivation]:
    """Return the entries; refuse two of one name."""
    names = [entry.name for entry in entries]
    for name in names:
        if names.count(name) > 1:
            raise refuse(f"two entries are called {name}; tell them apart with `as: NAME`")
    return entries
