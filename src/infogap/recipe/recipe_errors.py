"""Turn pydantic's errors into problems of a recipe: the place, what was found and what is allowed."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Any

import orjson
from pydantic import ValidationError

from infogap.errors import nearest

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Problem:
    """One problem to fix: `where` is file:line (or the override), `path` the key's place in the recipe."""

    where: str
    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.path}: {self.message}" if self.path else f"{self.where}: {self.message}"


def spell_path(path: Path) -> str:
    """Spell a key's path as in an override: `("tasks", 0, "columns")` becomes `tasks[0].columns`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return text


def messages(error: ValidationError, data: Any) -> list[tuple[Path, str]]:
    """Return pydantic's errors, each as a place in the recipe and a message."""
    problems = []
    for line in error.errors():
        path = place(line["loc"], data, line["type"])
        if line["type"] == "union_tag_invalid":  # blame the key that names the kind, not the whole section
            path = (*path, line["ctx"]["discriminator"].strip("'"))
        problems.append((path, _message(line)))
    return problems


def place(loc: tuple[int | str, ...], data: Any, kind: str) -> Path:
    """Convert a pydantic location to a path in the recipe, without the tags of its unions."""
    path: list[str | int] = []
    step: Any
    for index, step in enumerate(loc):
        last = index == len(loc) - 1
        if (isinstance(data, dict) and step in data) or (
            isinstance(data, list) and isinstance(step, int) and step < len(data)
        ):
            data = data[step]
        elif not (last and kind == "missing"):
            continue  # a union's tag, or "[key]" where a mapping's key is wrong
        path.append(step)
    return tuple(path)


def _message(line: Any) -> str:
    found, context = line["input"], line.get("ctx", {})
    match line["type"]:
        case "unknown_key":
            allowed = context["allowed"]
            message = f"unknown key{nearest(line['loc'][-1], allowed)}; allowed: {', '.join(allowed)}"
        case "missing":
            message = f"missing key '{line['loc'][-1]}'"
        case "literal_error":
            message = f"found {show(found)}; {_allowed(found, context['expected'].replace(' or ', ', '))}"
        case "union_tag_invalid":
            message = f"found '{context['tag']}'; {_allowed(context['tag'], context['expected_tags'])}"
        case "union_tag_not_found":
            message = f"missing key {context['discriminator']}"
        case "string_type" if isinstance(found, int | float):
            message = f'should be text, found {show(found)}; put it in quotes: "{found}"'
        case "string_pattern_mismatch":
            message = f"may contain only letters, digits, '.', '_' and '-', found {show(found)}"
        case "model_type" | "dict_type" | "model_attributes_type":
            message = f"should be a mapping of keys, found {show(found)}"
        case "too_short" | "too_long" | "string_too_short":
            most = line["type"] == "too_long"
            length = context["max_length" if most else "min_length"]
            unit = "character" if line["type"] == "string_too_short" else "item"
            message = f"should have at {'most' if most else 'least'} {length} {unit}{'s' if length != 1 else ''}, "
            message += f"found {show(found)}"
        case "refused":
            message = line["msg"]
        case _:
            message = f"{line['msg'].removeprefix('Input ')}, found {show(found)}"
    return str(message)


def _allowed(found: object, quoted: str) -> str:
    names = quoted.replace("'", "").split(", ")
    return f"allowed: {', '.join(names)}{nearest(found, names)}"


def show(value: Any) -> str:
    """Format a value of the recipe, shortened, with its type."""
    names = {str: "text", int: "a whole number", float: "a number", bool: "true/false", list: "a list"}
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a mapping"
    strange = isinstance(value, float) and not isfinite(value)
    try:
        text = str(value) if strange else orjson.dumps(value, default=str).decode()
    except TypeError:  # a whole number of more than 64 bits
        text = str(value)
    return f"{text if len(text) <= 60 else text[:57] + '...'} ({names.get(type(value), type(value).__name__)})"
