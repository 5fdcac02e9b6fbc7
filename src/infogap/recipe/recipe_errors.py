"""Turn pydantic's errors into problems of a recipe: the place, what was found and what is allowed."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any

import orjson
from pydantic import ValidationError

from infogap.errors import InputError, nearest

if TYPE_CHECKING:
    from infogap.recipe.load_recipe import LoadedRecipe

Path = tuple[str | int, ...]
Contradiction = tuple[Path, str]
"""The key to blame, and the message, of sections that contradict each other."""
MOST_SHOWN = 50  # problems of one recipe that are told one by one
_LONGEST_KEY, _LONGEST_MESSAGE = 100, 2_000


@dataclass(frozen=True)
class Problem:
    """One problem to fix: `where` is file:line (or the override), `path` the key's place in the recipe."""

    where: str
    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.path}: {self.message}" if self.path else f"{self.where}: {self.message}"


class RecipeError(InputError):
    """All problems of one recipe at once, in the order of its lines.

    `sound` is the recipe without its faulty sections, if it could be read at all. The caller can use it to look for
    further problems outside (missing files) and report all of them together.
    """

    def __init__(self, problems: list[Problem], sound: LoadedRecipe | None = None) -> None:
        self.problems = sorted(problems, key=_by_line)
        self.sound = sound
        super().__init__("\n".join(str(problem) for problem in self.problems))


def _by_line(problem: Problem) -> tuple[str, int]:
    file, _, line = problem.where.rpartition(":")
    return (file, int(line)) if line.isdigit() else (problem.where, 0)


class AtKeyError(InputError):
    """What a key of a mix asks for is not in the data; `path` is the key's place in the mix."""

    def __init__(self, path: Path, message: str) -> None:
        self.path = path
        self.message = message
        super().__init__(f"{spell_path(('balance', *path))}: {message}")


def spell_path(path: Path) -> str:
    """Spell a key's path as in an override: `("tasks", 0, "columns")` becomes `tasks[0].columns`."""
    text = ""
    for step in path:
        name = _shortened(str(step), _LONGEST_KEY)
        text += f"[{step}]" if isinstance(step, int) else f".{name}" if text else name
    return text


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 3]}..."


def messages(error: ValidationError, data: Any) -> list[tuple[Path, str]]:
    """Return pydantic's errors as places in the recipe and messages: the first MOST_SHOWN, then how many more."""
    lines = error.errors(include_url=False)
    problems = []
    for line in lines[:MOST_SHOWN]:
        path = place(line["loc"], data, line["type"])
        if line["type"] == "union_tag_invalid":  # blame the key that names the kind, not the whole section
            path = (*path, line["ctx"]["discriminator"].strip("'"))
        problems.append((path, _message(line)))
    if len(lines) > MOST_SHOWN:
        first = lines[MOST_SHOWN]
        more = len(lines) - MOST_SHOWN
        problems.append((place(first["loc"], data, first["type"]), f"from here on, {more:,} more problems"))
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
    return _shortened(str(message), _LONGEST_MESSAGE)


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
        text = str(value) if strange or type(value) is int else _json(value)
    except (TypeError, ValueError):  # half a surrogate pair, a number of thousands of digits
        text = ascii(value) if isinstance(value, str) else type(value).__name__
    return f"{_shortened(text, 60)} ({names.get(type(value), type(value).__name__)})"


def _json(value: Any) -> str:
    beginning = value[:100] if isinstance(value, str | list) else value  # more is not shown
    return orjson.dumps(beginning, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
