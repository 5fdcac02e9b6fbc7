"""The forms of an answer; each is compared in its own way."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Words:
    """Words, or mathematics with more than one reading: equal only to the same words."""

    text: str


@dataclass(frozen=True)
class Clock:
    """A time of day, in seconds of 12 or 24 hours; `half` is am, pm, or None where the answer does not say."""

    seconds: int
    half: str | None


@dataclass(frozen=True)
class Based:
    """Digits and the base that is written beside them."""

    digits: str
    base: int


@dataclass(frozen=True)
class Dotted:
    """A list with dots: its items, in their order, the dots as `...`."""

    items: tuple[str, ...]


@dataclass(frozen=True)
class Maths:
    r"""LaTeX that Math-Verify reads as it is meant; `unit` and `percent` stood after it."""

    latex: str
    unit: str = ""
    percent: bool = False


@dataclass(frozen=True)
class Condition:
    """A union of intersections of simple conditions: `x < -1 or x > 3` is ((x < -1,), (x > 3,)).

    A simple condition is a set in LaTeX, or a comparison with a variable; `variable` is empty for a bare set.
    """

    alternatives: tuple[tuple[str, ...], ...]
    latex: str


Form = Words | Clock | Based | Dotted | Maths | Condition
