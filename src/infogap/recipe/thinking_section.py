"""How a recipe says where thoughts begin and end, beside the tags that are known."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from infogap.recipe.base import Model, refuse


class TagPair(Model):
    """The tags around a model's thoughts, where they are none of the known ones."""

    open: str = Field(min_length=1, description="What begins a thought, such as `<ponder>`.")
    close: str = Field(min_length=1, description="What ends it, such as `</ponder>`.")

    @model_validator(mode="after")
    def _tell_apart(self) -> Self:
        if not self.open.strip() or not self.close.strip():
            raise refuse("`open` and `close` must be more than white space")
        if self.open == self.close:
            raise refuse("`open` and `close` must differ: what ends a thought could not be told from what begins one")
        return self

    @property
    def as_pair(self) -> tuple[str, str]:
        """Opening and closing tag."""
        return self.open.strip(), self.close.strip()


def _kind(value: Any) -> str:
    return "pair" if isinstance(value, dict | TagPair) else "opened"


Thinking = Annotated[
    Annotated[Literal["opened"], Tag("opened")] | Annotated[TagPair, Tag("pair")],
    Discriminator(_kind),
]
"""`opened`, or a pair of tags."""


def pair_of(thinking: Literal["opened"] | TagPair | None) -> tuple[str, str] | None:
    """The tags that a recipe names, if it names any."""
    return thinking.as_pair if isinstance(thinking, TagPair) else None
