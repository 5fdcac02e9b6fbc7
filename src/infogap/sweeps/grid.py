"""The grid of a sweep: the settings with their values, and a cell for every combination."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import orjson
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from infogap.errors import InputError
from infogap.ids import stable_id
from infogap.recipe import Recipe
from infogap.recipe.sources import GymTasks

Settings = dict[str, list[str]]
"""Key of the recipe -> its values, each as YAML text."""

_LONGEST_NAME = 100  # characters of a cell's folder; file systems allow 255 bytes
# Characters that JSON leaves as they are, and YAML refuses or reads as the end of a line.
_NOT_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_CLOSES = {"(": ")", "[": "]", "{": "}"}


@dataclass(frozen=True)
class Cell:
    """One recipe of a grid.

    `values` holds the settings that vary over the grid; `overrides` also those that do not, as `key=value`. `name` is
    the cell's folder; it depends only on `values`, so a cell keeps it when the grid grows.
    """

    name: str
    values: dict[str, str]
    overrides: list[str]

    @property
    def title(self) -> str:
        """The settings that vary, in one line."""
        return ", ".join(f"{key}={value}" for key, value in self.values.items())


def parse_settings(options: list[str]) -> Settings:
    """Parse options such as `balance.size=100,500` into keys with their values.

    Commas within brackets or quotes do not separate values. Raises InputError for an option of another form.
    """
    settings: Settings = {}
    for option in options:
        key, separator, text = option.partition("=")
        key = key.strip()
        if not separator or not key:
            raise InputError(f"--set {option}: write it as key=value,value: --set balance.size=100,500")
        if key in settings:
            raise InputError(f"--set {option}: {key} is set twice; write its values in one: --set {key}=VALUE,VALUE")
        values = list(_split(text, f"--set {option}"))
        if "" in values:
            raise InputError(f"--set {option}: a value is empty; write null for none")
        settings[key] = values
    return settings


def _split(text: str, where: str) -> Iterator[str]:
    """Yield the values of a comma-separated list, without the space around them."""
    start, at = 0, 0
    closing: list[str] = []
    while at < len(text):
        character = text[at]
        if character in "'\"":
            end = text.find(character, at + 1)
            while character == '"' and end > 0 and text[end - 1] == "\\":
                end = text.find(character, end + 1)
            at = max(end, at)  # a quote that is never closed is an apostrophe
        elif character in _CLOSES:
            closing.append(_CLOSES[character])
        elif closing and character == closing[-1]:
            closing.pop()
        elif character == "," and not closing:
            yield text[start:at].strip()
            start = at + 1
        at += 1
    if closing:
        raise InputError(f"{where}: '{closing[-1]}' is missing at the end of a value")
    yield text[start:].strip()


def settings_of(values: Mapping[str, Any]) -> Settings:
    """Convert Python values to settings: a list or tuple holds a setting's values, anything else is one value.

    Raises InputError for a value that YAML cannot hold, and for a list without values.
    """
    settings: Settings = {}
    for key, value in values.items():
        listed = list(value) if isinstance(value, list | tuple) else [value]
        if not listed:
            raise InputError(f"{key}: the list has no values")
        settings[key] = [_yaml(key, each) for each in listed]
    return settings


def _yaml(key: str, value: Any) -> str:
    """Write a value as one line of YAML: text that reads back as itself as it is, anything else as JSON."""
    try:
        if isinstance(value, str) and value == value.strip() and YAML(typ="safe", pure=True).load(value) == value:
            return value
    except YAMLError:
        pass
    try:
        return _NOT_YAML.sub(lambda match: f"\\u{ord(match[0]):04x}", orjson.dumps(value).decode())
    except TypeError as error:
        raise InputError(f"{key}: {value!r} cannot be written in a recipe ({error})") from None


def grid(settings: Settings) -> list[Cell]:
    """Return a cell for every combination of values, the last setting changing fastest.

    Raises InputError if no setting has several values.
    """
    varying = [key for key, values in settings.items() if len(values) > 1]
    if not varying:
        raise InputError(
            "a sweep needs a setting with several values: --set balance.size=100,500 (for one recipe: infogap run)"
        )
    cells = []
    for values in product(*settings.values()):
        chosen = dict(zip(settings, values, strict=True))
        differing = {key: chosen[key] for key in varying}
        cells.append(Cell(_name(differing), differing, [f"{key}={value}" for key, value in chosen.items()]))
    return cells


def _name(values: dict[str, str]) -> str:
    """Name a folder so that it can be typed without quotes; add a digest if the name does not tell values apart."""
    text = "_".join(f"{key}-{value}" for key, value in values.items())
    name = re.sub(r"[^A-Za-z0-9_.]+", "-", text).strip("-.")
    plain = all(re.fullmatch(r"[A-Za-z0-9_.]+", value) for value in values.values())
    return name if plain and len(name) <= _LONGEST_NAME else f"{name[:60].rstrip('-.')}-{stable_id(values)[:8]}"


def refuse_equal_recipes(cells: list[Cell], recipes: list[Recipe]) -> None:
    """Raise InputError if two cells have the same recipe: a value is listed twice, or changes nothing."""
    cell_of: dict[str, Cell] = {}
    for cell, recipe in zip(cells, recipes, strict=True):
        key = stable_id(recipe.model_dump(mode="json", by_alias=True))
        if key in cell_of:
            raise InputError(f"{cell_of[key].title} and {cell.title} are the same recipe; leave one of them out")
        cell_of[key] = cell


def largest_first(recipes: list[Recipe]) -> list[int]:
    """Return the positions of the recipes, those with the most requests first.

    The largest cell's requests mostly include those of the others, so the teacher, which can take minutes to load, is
    opened once.
    """
    return sorted(range(len(recipes)), key=lambda index: _extent(recipes[index]), reverse=True)


def _extent(recipe: Recipe) -> tuple[float, int]:
    """Return a recipe's number of tasks, infinite for a source without a limit, and of requests for each task."""
    generate = recipe.generate
    tasks = 0.0
    for source in recipe.tasks or recipe.import_ or []:
        of_source = source.count * len(source.names) if isinstance(source, GymTasks) else getattr(source, "limit", None)
        tasks += float("inf") if of_source is None else of_source
    if generate is None:
        return tasks, 0
    most = generate.until.max_attempts if generate.until else generate.samples
    return tasks, most * len(generate.uses)
