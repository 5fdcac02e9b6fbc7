r"""Write out lists of solutions: `x = \frac{1 \pm \sqrt5}{2}` as two values, and `x = 1, x = 2` as `x = 1, 2`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from infogap.text.characters import closing

_PLUS_MINUS = re.compile(r"\\pm(?![a-zA-Z])")
_EITHER = re.compile(r"\\(?:pm|mp)(?![a-zA-Z])")
_NOT_VALUES = re.compile(r"\\\{|\\begin(?![a-zA-Z])")  # a set or a matrix with such a value is no two sets
_SET_OF_ONE = re.compile(r"\\\{\s*(\(.*\))\s*\\\}", re.DOTALL)
_SET = re.compile(r"\\\{(.*)\\\}", re.DOTALL)
_NAMED = re.compile(r"([A-Za-z](?:_\w|_\{\w+\})?)\s*=\s*([^=<>]+)")
_COORDINATES = frozenset("xyz")
_SPACES = re.compile(r"^(?:\s|\\[,;:! ]|\\quad|\\qquad)+")


def solutions(latex: str) -> str:
    """Return a list with every solution written out, under one name where all have the same; of a set of one tuple it.

    Of an item with more than one sign `\\pm` it is not known whether the signs go together: it stays as it is.
    """
    if "," not in latex and r"\pm" not in latex:
        return latex
    if (alone := _SET_OF_ONE.fullmatch(latex.strip())) and closing(alone[1], 0) == len(alone[1]) - 1:
        return alone[1]
    if (listed := _SET.fullmatch(latex.strip())) and r"\{" not in listed[1]:
        return rf"\{{{', '.join(value for item in separate(listed[1]) for value in _both(item.strip()))}\}}"
    items = [_SPACES.sub("", item) for item in separate(latex)]
    written = [value for item in items for value in _both(item)]
    named = [_NAMED.fullmatch(item) for item in written]
    names = {match[1] for match in named if match}
    if len(written) > 1 and all(named) and len(names) == 1:
        return f"{names.pop()} = {', '.join(match[2].strip() for match in named if match)}"
    if (point := as_coordinates(written)) != written:
        return ", ".join(point)
    return ", ".join(written) if len(written) > len(items) else latex


def as_coordinates(items: list[str]) -> list[str]:
    """Return `y = 1`, `x = 2` in the order in which a tuple has them, which is then (2, 1) and not (1, 2)."""
    names = [match[1] for match in (_NAMED.fullmatch(item.strip()) for item in items) if match]
    if len(names) < len(items) or len(set(names)) < len(names) or not set(names) <= _COORDINATES:
        return items
    return sorted(items, key=str.strip)


def _both(item: str) -> list[str]:
    """Return the two values of an item whose only sign `\\pm` stands within a fraction, a root or parentheses."""
    sign = _PLUS_MINUS.search(item)
    if sign is None or len(_EITHER.findall(item)) > 1 or _NOT_VALUES.search(item):
        return [item]
    if not any(start < sign.start() < end for start, end in _groups(item)):
        return [item]  # Math-Verify reads these
    before, after = item[: sign.start()], item[sign.end() :].lstrip()
    plus = f"{before}+{after}" if before.rstrip()[-1:].isalnum() or before.rstrip()[-1:] in ")}" else f"{before}{after}"
    return [plus, f"{before}-{after}"]


def _groups(text: str) -> Iterator[tuple[int, int]]:
    for match in re.finditer(r"[({\[]", text):
        end = closing(text, match.start())
        if end > 0:
            yield match.start(), end


def separate(text: str) -> Iterator[str]:
    """Yield the parts between the commas that stand in no brackets."""
    depth = start = 0
    for place, sign in enumerate(text):
        depth += (sign in "([{") - (sign in ")]}")
        if sign == "," and depth == 0:
            yield text[start:place]
            start = place + 1
    yield text[start:]
