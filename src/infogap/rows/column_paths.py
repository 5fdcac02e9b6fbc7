"""Values of a row by path, such as `extra_info.solution` or `prompt[0].content`.

A step is a key, an `[index]` (negative ones count from the end) or `[*]`, every item of a list. Text that holds JSON
is parsed on the way. Keys that contain dots take precedence over steps: in a row with a column `a.b`, the path `a.b` is
that column. `column_templates.py` renders templates.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache, lru_cache
from typing import Any

from infogap.errors import InputError, nearest
from infogap.text.characters import utf8

MISSING = object()
"""The value at a path that a row does not have; null is a value."""

EVERY = "[*]"

_INDEX = re.compile(r"\[(-?\d+)\]")
_STEP_END = re.compile(r"\.|\[|$")
_SHOWN = 30  # keys listed in a message
_POSITIONAL = (1e-25, 1e25)  # numbers between these are written without an exponent
_Walked = tuple[Any, str, Any]


def reach(row: dict[str, Any], path: str) -> Any:
    """Return the value at `path`, or MISSING.

    For a path with `[*]` it is a list: a value for each item (None where an item has none), in the items' order.
    With several `[*]` the lists are concatenated.
    """
    return _walk(row, path, path)[0]


def is_found(value: Any, path: str) -> bool:
    """Whether the value at a path proves that the path exists: under `[*]` an empty list does not."""
    return value is not MISSING and (value != [] or EVERY not in path)


def touches(path: str, column: str) -> bool:
    """Whether `path` may lead into the column, for readers that read only the columns they need."""
    return path == column or path.startswith((f"{column}.", f"{column}["))


def _walk(node: Any, rest: str, path: str) -> _Walked:
    """Return the value at `rest`, the end of `path`, or MISSING; the part of the path that exists; the value there."""
    while rest:
        node = read_json(node) if isinstance(node, str) else node
        if isinstance(node, list) and rest.startswith(EVERY):
            return _walk_every(node, rest.removeprefix(EVERY).removeprefix("."), path)
        step, value = _step(node, rest)
        if value is MISSING:
            return MISSING, path[: len(path) - len(rest)].rstrip("."), node
        node, rest = value, rest[len(step) :].removeprefix(".")
    return node, path, node


def _walk_every(items: list[Any], rest: str, path: str) -> _Walked:
    """Do the same for every item of a list; MISSING if none has anything at `rest`."""
    walked = [_walk(item, rest, path) for item in items]
    if walked and all(value is MISSING for value, _, _ in walked):
        return max(walked, key=lambda one: len(one[1]))
    values = [value for value, _, _ in walked]
    if EVERY in rest:
        joined = [inner for value in values if value is not MISSING for inner in value]
        return joined, path, joined
    values = [None if value is MISSING else value for value in values]
    return values, path, values


def _step(node: Any, rest: str) -> tuple[str, Any]:
    """Return the next step of `rest` from `node`, the longest key that fits, and the value there."""
    if isinstance(node, dict):
        ends = [match.start() for match in _STEP_END.finditer(rest) if match.start()]
        for end in reversed(ends):
            if rest[:end] in node:
                return rest[:end], node[rest[:end]]
    elif isinstance(node, list):
        index = _INDEX.match(rest)
        if index and -len(node) <= int(index[1]) < len(node):
            return index[0], node[int(index[1])]
    return "", MISSING


@lru_cache(maxsize=8)  # several columns often come from the same text
def read_json(text: str) -> Any:
    """Parse a text as JSON, where that gives an object or a list; return any other text as it is."""
    if not text.lstrip().startswith(("{", "[")):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def as_text(value: Any) -> str | None:
    """Return a value as the tables store it: 27 and 27.0 are "27", lists and true are JSON; None if empty."""
    if value is MISSING or value is None or (isinstance(value, float | Decimal) and not math.isfinite(value)):
        return None
    if isinstance(value, str):
        return utf8(value.strip()) or None
    if isinstance(value, float | Decimal):
        return _written(value)
    if isinstance(value, bool | int | list | dict):
        return utf8(json.dumps(value, ensure_ascii=False, default=str))
    return str(value)


def _written(number: float | Decimal) -> str:
    """Write a number as people do: no trailing zeros, and no exponent unless it would be very long."""
    least, most = _POSITIONAL
    if not number:
        return "0"
    if not least <= abs(float(number)) < most:
        return str(number)
    written = format(Decimal(str(number)), "f")
    return written.rstrip("0").rstrip(".") if "." in written else written


@dataclass
class Unfound:
    """A path that no row has had so far: the part of it that exists, and what is found there."""

    path: str
    reached: str = ""
    keys: dict[str, None] = field(default_factory=dict)  # of the objects where it ends
    items: int = 0  # of the lists where it ends, in all rows
    lists: int = 0
    place: Any = MISSING

    def look(self, row: dict[str, Any]) -> None:
        """Take a row that does not have the path into account."""
        value, reached, place = _walk(row, self.path, self.path)
        if value is not MISSING:  # an empty list at a path with `[*]`, which does not show whether items have the rest
            return
        if self.place is MISSING or len(reached) > len(self.reached):
            self.reached, self.place, self.keys, self.items, self.lists = reached, place, {}, 0, 0
        if reached != self.reached:
            return
        if isinstance(place, dict):
            self.keys |= dict.fromkeys(str(key) for key in place)
        elif isinstance(place, list):
            self.place = place
            self.items += len(place)
            self.lists += bool(place)

    def error(self, source: str) -> InputError:
        """Return an error that no row of the source has the path, and what the rows have instead."""
        known = [f"{self.reached}.{key}" if self.reached else key for key in self.keys]
        return InputError(f"{source}: no row has '{self.path}'{nearest(self.path, known)}; {self._what_is_there()}")

    def _what_is_there(self) -> str:
        if self.keys:
            more = f" and {len(self.keys) - _SHOWN} more" if len(self.keys) > _SHOWN else ""
            listed = ", ".join(list(self.keys)[:_SHOWN]) + more
            return f"'{self.reached}' has the keys {listed}" if self.reached else f"its columns are {listed}"
        if isinstance(self.place, list):
            return self._of_a_list()
        if isinstance(self.place, str):
            return f"'{self.reached}' is text, and not JSON"
        if not self.reached:
            return "its rows have no columns"
        return f"'{self.reached}' holds {json.dumps(self.place, default=str)[:40]}"

    def _of_a_list(self) -> str:
        rest = self.path[len(self.reached) :]
        if _INDEX.match(rest):
            return f"'{self.reached}' is a list, and no row has so many items"
        first, every = f"{self.reached}[0]{rest}", f"{self.reached}{EVERY}{rest}"
        lost = self.items - self.lists
        if not lost:
            return f"'{self.reached}' is a list: write '{first}', the only item of each"
        return (
            f"'{self.reached}' is a list: write '{every}' for every item, each a sample; "
            f"'{first}' would lose {lost:,} of {self.items:,}"
        )


def missing_column(source: str, path: str, rows: Iterable[dict[str, Any]]) -> InputError:
    """Return an error that none of a source's rows has `path`, with what `rows` have instead."""
    unfound = Unfound(path)
    for row in rows:
        unfound.look(row)
    return unfound.error(source)


_TEMPLATE = re.compile(r"\{\{|\{%")


@cache
def is_template(column: str) -> bool:
    """Whether a mapped column is a template rather than a path."""
    return _TEMPLATE.search(column) is not None


def value_of(row: dict[str, Any], column: str) -> Any:
    """Return the value of a mapped column, a path or a template; MISSING where a row has none."""
    if not is_template(column):
        return reach(row, column)
    from infogap.rows.column_templates import TemplateFailedError, rendered  # with Jinja, which few recipes need

    try:
        return rendered(row, column)
    except TemplateFailedError:
        return MISSING
