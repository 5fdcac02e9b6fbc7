"""Column paths: `extra_info.solution`, `prompt[0].content`, and what they find in a row.

A step is a key or an `[index]`. Text that holds JSON is read on the way. Keys with dots in their own
name win over steps: in a row with a column `a.b`, the path `a.b` is that column.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from decimal import Decimal
from functools import lru_cache
from typing import Any

from infogap.errors import UserError
from infogap.recipe.spelling import nearest
from infogap.text import utf8

MISSING = object()
"""What a path finds in a row that has no such column or key; null is a value."""

_INDEX = re.compile(r"\[(\d+)\]")
_STEP_END = re.compile(r"\.|\[|$")
_SHOWN = 30  # keys listed in a message


def reach(row: dict[str, Any], path: str) -> Any:
    """The value at `path`, or MISSING."""
    return _walk(row, path)[0]


def touches(path: str, column: str) -> bool:
    """Whether `path` may lead into the column, for readers that read no more than they need."""
    return path == column or path.startswith((f"{column}.", f"{column}["))


def _walk(row: dict[str, Any], path: str) -> tuple[Any, str, Any]:
    """The value at `path` or MISSING, how much of the path could be followed, and where that leads."""
    node: Any = row
    rest = path
    while rest:
        node = _read_json(node) if isinstance(node, str) else node
        step, found = _step(node, rest)
        if found is MISSING:
            return MISSING, path[: len(path) - len(rest)].rstrip("."), node
        node, rest = found, rest[len(step) :].removeprefix(".")
    return node, path, node


def _step(node: Any, rest: str) -> tuple[str, Any]:
    """The part of `rest` that leads on from `node`, and where to; the longest key that fits."""
    if isinstance(node, dict):
        ends = [match.start() for match in _STEP_END.finditer(rest) if match.start()]
        for end in reversed(ends):
            if rest[:end] in node:
                return rest[:end], node[rest[:end]]
    elif isinstance(node, list):
        index = _INDEX.match(rest)
        if index and int(index[1]) < len(node):
            return index[0], node[int(index[1])]
    return "", MISSING


@lru_cache(maxsize=8)  # a row's columns often lie in the same text
def _read_json(text: str) -> Any:
    if not text.lstrip().startswith(("{", "[")):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def as_text(value: Any) -> str | None:
    """A value as the tables keep it: 27 and 27.0 are "27", 1e-05 is "0.00001", lists and true are JSON.

    None for what is empty.
    """
    if value is MISSING or value is None or (isinstance(value, float) and not math.isfinite(value)):
        return None
    if isinstance(value, str):
        return utf8(value.strip()) or None
    if isinstance(value, float | Decimal):
        return _number(value)
    if isinstance(value, bool | int | list | dict):
        return utf8(json.dumps(value, ensure_ascii=False, default=str))
    return str(value)


def _number(value: float | Decimal) -> str | None:
    """A number as people write it, all its digits in place and none too many."""
    number = Decimal(repr(value)) if isinstance(value, float) else value
    if not number.is_finite():
        return None
    written = format(number, "f")
    written = written.rstrip("0").rstrip(".") if "." in written else written
    return "0" if written in ("-0", "") else written


def missing_column(source: str, path: str, rows: Iterable[dict[str, Any]]) -> UserError:
    """That none of a source's rows has `path`; says how far the path leads in `rows` and what is there."""
    reached, node = "", Any
    keys: dict[str, None] = {}
    for row in rows:
        _, length, place = _walk(row, path)
        if node is Any or len(length) > len(reached):
            reached, node, keys = length, place, {}
        if length == reached and isinstance(place, dict):
            keys |= dict.fromkeys(str(key) for key in place)
    return UserError(f"{source}: no row has '{path}'{_suggestion(path, reached, keys)}; {_found(reached, node, keys)}")


def _suggestion(path: str, reached: str, keys: Iterable[str]) -> str:
    return nearest(path, [f"{reached}.{key}" if reached else key for key in keys])


def _found(reached: str, node: Any, keys: dict[str, None]) -> str:
    if keys:
        more = f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else ""
        listed = ", ".join(list(keys)[:_SHOWN]) + more
        return f"'{reached}' has the keys {listed}" if reached else f"its columns are {listed}"
    if isinstance(node, list):
        return f"'{reached}' is a list: write '{reached}[0]' for its first item of {len(node)}"
    if isinstance(node, str):
        return f"'{reached}' is text, and not JSON"
    return f"'{reached}' holds {json.dumps(node, default=str)[:40]}" if reached else "its rows have no columns"
