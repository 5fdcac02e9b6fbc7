"""The shares of a mix: the part of each value of an axis."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag

from infogap.recipe.base import refuse

Share = Annotated[float, Field(ge=0, le=1)]

_NUMBER = re.compile(r"\d+(?:\.\d+)?")


def _shares_add_up(shares: dict[str, float]) -> dict[str, float]:
    total = sum(shares.values())
    if abs(total - 1) > 1e-6:
        raise refuse(f"the shares add up to {total:g}; they must add up to 1")
    return shares


def _shares_kind(value: Any) -> str:
    return "shares" if isinstance(value, dict) else "uniform"


def _parts_of_one(*names: str) -> Callable[[Any], Any]:
    """Refuse shares such as 90/10 or 90 %, and say how to write them."""

    def check(value: Any) -> Any:
        if isinstance(value, str) and (numbers := [float(number) for number in _NUMBER.findall(value)]):
            shares = dict(zip(names, numbers, strict=False)) if len(numbers) <= len(names) else {}
            raise refuse(f"shares are written value by value, as parts of 1: {_as_parts(shares)}; found '{value}'")
        if not isinstance(value, dict):
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


_UNIFORM = Annotated[Literal["uniform"], Tag("uniform")]
Shares = Annotated[
    _UNIFORM | Annotated[dict[str, Share], AfterValidator(_shares_add_up), Tag("shares")],
    Discriminator(_shares_kind),
    BeforeValidator(_parts_of_one()),
]
BandShares = Annotated[
    _UNIFORM
    | Annotated[dict[Literal["uncertain", "mixed", "confident"], Share], AfterValidator(_shares_add_up), Tag("shares")],
    Discriminator(_shares_kind),
    BeforeValidator(_parts_of_one("uncertain", "mixed", "confident")),
]
VerdictShares = Annotated[
    _UNIFORM
    | Annotated[
        dict[Literal["correct", "wrong", "no_answer", "truncated"], Share],
        AfterValidator(_shares_add_up),
        Tag("shares"),
    ],
    Discriminator(_shares_kind),
    BeforeValidator(_parts_of_one("correct", "wrong", "no_answer", "truncated")),
]
