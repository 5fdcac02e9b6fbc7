r"""Find what must not be cut into: formulas, code, drawings and braces (`formulas`); write fractions with braces.

Unlike those of `markup.py`, whatever is not closed reaches to the end of the text, a dollar pairs within its paragraph,
and environments, drawings and braces of any kind nest: a hint cuts one solution, and must not cut into anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_NEVER = "(?!)"
# Kind -> (opening, what opens another one inside, closing). Display formulas and drawings stand between sentences.
_KINDS = {
    "code": ("```", _NEVER, "```"),
    "drawing": (r"\[asy\]", _NEVER, r"\[/asy\]"),
    "environment": (r"\\begin\s*\{", r"\\begin\s*\{", r"\\end\s*\{[^}]*\}"),
    "display": (r"\\\[", _NEVER, r"\\\]"),
    "dollars": (r"\$\$", _NEVER, r"\$\$"),
    "inline": (r"\\\(", _NEVER, r"\\\)"),
    # As in Pandoc, "$5 and $6" is money: a dollar before a digit, or placed like an opening one, closes nothing.
    "dollar": (r"\$", _NEVER, r"(?<!\s)\$(?!\d)|(?<=\s)\$(?=[\s.,;:)]|\Z)"),
    "braces": (r"\{", r"\{", r"\}"),
}
_ESCAPED = r"\\[\\${}]"
_OPENING = re.compile(f"{_ESCAPED}|" + "|".join(f"(?P<{kind}>{opening})" for kind, (opening, _, _) in _KINDS.items()))
_TOKENS = {
    kind: re.compile(f"{_ESCAPED}|(?P<open>{nested})|(?P<close>{closing})")
    for kind, (_, nested, closing) in _KINDS.items()
}
_APART = ("code", "drawing", "environment", "display", "dollars")
_PARAGRAPH = re.compile(r"\n\s*\n")
_ARGUMENT = r"\s*(\d|[A-Za-z]|\\[A-Za-z]+|\{[^{}]*\})"
_FRACTION = re.compile(rf"(\\[dtc]?frac)(?![A-Za-z])(?!\s*\{{[^{{}}]*\}}\s*\{{){_ARGUMENT}{_ARGUMENT}")


@dataclass(frozen=True)
class Span:
    """A piece of a text from `start` to `end`; `apart` if it has lines of its own, as a display formula does."""

    start: int
    end: int
    apart: bool


def formulas(text: str) -> Iterator[Span]:
    """Yield the outermost formulas, code blocks, drawings and braces of a text, in order.

    One that is never closed reaches to the end of the text; a lone dollar sign is money.
    """
    place = 0
    while opening := _OPENING.search(text, place):
        place, kind = opening.end(), opening.lastgroup
        if kind is None:
            continue  # an escaped sign
        paragraph = _PARAGRAPH.search(text, place) if kind == "dollar" else None
        end = _closed(text, place, paragraph.start() if paragraph else len(text), kind)
        if end is None and kind == "dollar":
            continue
        place = len(text) if end is None else end
        yield Span(opening.start(), place, kind in _APART)


def _closed(text: str, start: int, stop: int, kind: str) -> int | None:
    depth = 1
    for token in _TOKENS[kind].finditer(text, start, stop):
        depth += {"open": 1, "close": -1}.get(token.lastgroup or "", 0)
        if depth == 0:
            return token.end()
    return None


def braced(text: str) -> str:
    r"""Write all fractions with braces: `\frac12`, `\frac 1{2}` and `\frac{1}{2}` are the same to TeX."""
    return _FRACTION.sub(lambda match: rf"{match[1]}{{{_inside(match[2])}}}{{{_inside(match[3])}}}", text)


def _inside(argument: str) -> str:
    return argument[1:-1] if argument.startswith("{") else argument
