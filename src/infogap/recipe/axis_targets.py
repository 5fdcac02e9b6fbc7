"""The targets that a recipe may set on an axis of a mix: shares of its values, cut points, and bounds."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, model_validator

from infogap.recipe.base import Model, refuse

MOST = 10**12
"""The largest number of traces or tasks that a recipe may name."""

Share = Annotated[float, Field(ge=0, le=1)]
Bound = Annotated[int, Field(ge=0, le=MOST)] | Annotated[float, Field(ge=0, le=1)]
"""A part of the mix if it is written with a point (0.2), a number of traces if it is whole (20)."""

_NUMBER = re.compile(r"\d+(?:\.\d+)?")


def _shares_add_up(shares: dict[str, float]) -> dict[str, float]:
    total = sum(shares.values())
    if abs(total - 1) > 1e-6:
        raise refuse(f"the shares add up to {total:g}; they must add up to 1")
    return shares


def _parts_of_one(*names: str) -> Callable[[Any], Any]:
    """Make a validator that refuses shares such as 90/10 or 90 % and says how to write them."""

    def check(value: Any) -> Any:
        if isinstance(value, str) and (numbers := [float(number) for number in _NUMBER.findall(value)]):
            shares = dict(zip(names, numbers, strict=False)) if len(numbers) <= len(names) else {}
            raise refuse(f"shares are written value by value, as parts of 1: {_as_parts(shares)}; found '{value}'")
        if not isinstance(value, dict) or _is_targets(value):
            return value
        for name, share in value.items():
            if isinstance(share, str) and _NUMBER.search(share):
                raise refuse(f"the share of {name} should be a number, a part of 1 such as 0.9; found '{share}'")
        numbers = [share for share in value.values() if isinstance(share, int | float) and not isinstance(share, bool)]
        if len(numbers) == len(value) and min(numbers, default=0) >= 0 and max(numbers, default=0) > 1:
            raise refuse(f"shares are parts of 1: write {_as_parts(value)}")
        return value

    return check


def _as_parts(shares: dict[str, float]) -> str:
    """Format shares as in a recipe: {correct: 90, wrong: 10} becomes {correct: 0.9, wrong: 0.1}."""
    total = sum(shares.values())
    parts = {name: share / total for name, share in shares.items()} if total else {"VALUE": 0.9, "OTHER": 0.1}
    return "{" + ", ".join(f"{name}: {share:.4g}" for name, share in parts.items()) + "}"


class AxisTargets(Model):
    """Targets for the values of an axis, if shares alone do not say it."""

    shares: Literal["uniform", "natural"] | dict[str, Share] | dict[str, dict[str, Share]] | list[Share] | None = Field(
        None,
        description="uniform; natural, as they occur; shares by value; a list, one for each range of `cuts` or "
        "`quantiles`, the lowest first; or, with `given`, shares by value for each value of that column.",
    )
    cuts: list[float] | None = Field(
        None,
        min_length=1,
        description="Of a column of numbers: where one range ends and the next begins.",
    )
    quantiles: (
        Annotated[int, Field(ge=2, le=100)]
        | Annotated[list[Annotated[float, Field(gt=0, lt=1)]], Field(min_length=1)]
        | None
    ) = Field(None, description="Ranges by rank: the number of ranges of equal size, or where they end, as parts of 1.")
    within: str | None = Field(
        None, description="With `quantiles`: rank traces among those with the same value of this column."
    )
    given: str | None = Field(None, description="The shares apply within each value of this column, such as `family`.")
    floor: Bound | dict[str, Bound] | None = Field(
        None, description="The least of each value, or of the named values: 20 traces, or 0.2 of the mix."
    )
    cap: Bound | dict[str, Bound] | None = Field(None, description="The most of each value, or of the named values.")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.cuts is not None and self.quantiles is not None:
            raise refuse("name `cuts` or `quantiles`, not both")
        for name, points in (("cuts", self.cuts), ("quantiles", self.quantiles)):
            if isinstance(points, list) and any(one >= other for one, other in pairwise(points)):
                raise refuse(f"`{name}` must ascend; found {points}")
        if self.within is not None and self.quantiles is None:
            raise refuse("`within` ranks traces within a group; it needs `quantiles`")
        self._check_shares()
        self._check_bounds()
        if self.given is not None and not isinstance(self.shares, dict):
            raise refuse("`given` needs shares by value: `{given: family, shares: {uncertain: 0.5, confident: 0.5}}`")
        if self.given is not None and (self.floor is not None or self.cap is not None):
            raise refuse("`given` takes no floor and no cap; bound the column itself, or the one named by `given`")
        if not self.model_fields_set:
            raise refuse("sets no target; write `uniform`, or shares")
        return self

    def _check_shares(self) -> None:
        if isinstance(self.shares, list):
            if self.ranges is None:
                raise refuse("a list of shares is for the ranges of `cuts` or `quantiles`; name the values instead")
            if len(self.shares) != self.ranges:
                raise refuse(f"there are {self.ranges} ranges and {len(self.shares)} shares")
            _shares_add_up(dict(zip(map(str, range(len(self.shares))), self.shares, strict=True)))
        if isinstance(self.shares, dict):
            nested = [shares for shares in self.shares.values() if isinstance(shares, dict)]
            if nested and self.given is None:
                raise refuse("shares within the values of a column need its name: `given: family`")
            flat = {value: share for value, share in self.shares.items() if not isinstance(share, dict)}
            for shares in nested or [flat]:
                _shares_add_up(shares)

    def _check_bounds(self) -> None:
        floors, caps = (bound if isinstance(bound, dict) else {} for bound in (self.floor, self.cap))
        both = sorted({*floors, *caps})
        for value in both:
            if isinstance(self.shares, dict) and value not in self.shares:
                raise refuse(f"'{value}' has a bound and no share; give it one, or leave the bound out")
        parts = sum(floor for floor in floors.values() if isinstance(floor, float))
        if parts > 1 + 1e-6:
            raise refuse(f"the floors add up to {parts:g} of the mix; they may add up to 1 at most")
        by_value: list[tuple[str, Any, Any]] = [("", self.floor, self.cap)]
        if both:
            by_value = [(f" of '{value}'", floors.get(value, self.floor), caps.get(value, self.cap)) for value in both]
        for of, floor, cap in by_value:
            comparable = isinstance(floor, int | float) and isinstance(cap, int | float) and type(floor) is type(cap)
            if comparable and floor > cap:
                raise refuse(f"the floor{of}, {floor:g}, is above the cap, {cap:g}")

    @property
    def ranges(self) -> int | None:
        """The number of ranges; None for an axis of values."""
        if self.cuts is not None:
            return len(self.cuts) + 1
        if self.quantiles is None:
            return None
        return self.quantiles if isinstance(self.quantiles, int) else len(self.quantiles) + 1


def _is_targets(value: dict[Any, Any]) -> bool:
    return bool(value) and all(key in AxisTargets.model_fields for key in value)


def _kind(value: Any) -> str:
    if isinstance(value, AxisTargets):
        return "targets"
    if isinstance(value, dict):
        return "targets" if _is_targets(value) else "shares"
    return "word"


_WORD = Annotated[Literal["uniform", "natural"], Tag("word")]
_TARGETS = Annotated[AxisTargets, Tag("targets")]
OnAxis = Annotated[
    _WORD | _TARGETS | Annotated[dict[str, Share], AfterValidator(_shares_add_up), Tag("shares")],
    Discriminator(_kind),
    BeforeValidator(_parts_of_one()),
]
OnBand = Annotated[
    _WORD
    | _TARGETS
    | Annotated[dict[Literal["uncertain", "mixed", "confident"], Share], AfterValidator(_shares_add_up), Tag("shares")],
    Discriminator(_kind),
    BeforeValidator(_parts_of_one("uncertain", "mixed", "confident")),
]
OnVerdict = Annotated[
    _WORD
    | _TARGETS
    | Annotated[
        dict[Literal["correct", "wrong", "no_answer", "truncated"], Share],
        AfterValidator(_shares_add_up),
        Tag("shares"),
    ],
    Discriminator(_kind),
    BeforeValidator(_parts_of_one("correct", "wrong", "no_answer", "truncated")),
]
