"""Load recipes: read YAML with line numbers, apply overrides, validate, and write the recipe back with its defaults."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import orjson
from pydantic import TypeAdapter, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from infogap.errors import InputError
from infogap.recipe.base import Model
from infogap.recipe.contradictions import contradictions
from infogap.recipe.recipe_errors import Path as KeyPath
from infogap.recipe.recipe_errors import Problem, messages, spell_path
from infogap.recipe.recipe_model import Recipe

Kind = TypeVar("Kind", bound=Model)


def read_yaml(kind: type[Kind], text: str, where: str) -> Kind:
    """Read YAML text into a model. Raises InputError with every problem and its place."""
    try:
        data = YAML(typ="safe", pure=True).load(text)
        if not isinstance(data, dict):
            raise InputError(f"{where}: expected a mapping of {', '.join(kind.allowed_keys())}")
        return kind.model_validate(data)
    except MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        raise InputError(f"{where}{line}: not valid YAML: {error.problem or error.context}") from error
    except YAMLError as error:
        raise InputError(f"{where}: not valid YAML: {error}") from error
    except ValidationError as error:
        problems = messages(error, data)
        lines = [f"{where}: {spell_path(path)}: {text}" if path else f"{where}: {text}" for path, text in problems]
        raise InputError("\n".join(lines)) from error


ORIGIN = "run.json"  # beside a run's resolved recipe: where its relative paths start from


@dataclass(frozen=True)
class Places:
    """Where each key of a recipe stands: its line in the file, or the override that set it."""

    file: Path
    lines: dict[KeyPath, int]
    overrides: dict[KeyPath, str]

    def problem(self, path: KeyPath, message: str) -> Problem:
        """Return a problem at a key, with its line in the file or the override that set it."""
        for length in range(len(path), -1, -1):
            if path[:length] in self.overrides:
                return Problem(self.overrides[path[:length]], spell_path(path), message)
            for key, override in self.overrides.items():
                if length and key[:length] == path[:length] and path[:length] not in self.lines:
                    return Problem(override, spell_path(path), message)  # it made the mapping that the key is in
            if path[:length] in self.lines:
                return Problem(f"{self.file}:{self.lines[path[:length]]}", spell_path(path), message)
        return Problem(str(self.file), spell_path(path), message)


@dataclass(frozen=True)
class LoadedRecipe:
    """A valid recipe, and where each of its keys stands."""

    recipe: Recipe
    places: Places

    @property
    def file(self) -> Path:
        return self.places.file

    @property
    def base(self) -> Path:
        """The folder from which relative paths start: the recipe's; for a run's resolved recipe, the original's."""
        return _base_of(self.file)

    def problem(self, path: KeyPath, message: str) -> Problem:
        """Return a problem found outside the recipe (a missing file), at the key that names it."""
        return self.places.problem(path, message)


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


def load_recipe(file: Path, overrides: list[str] | None = None) -> LoadedRecipe:
    """Read, override (`key=value`, the value in YAML) and validate a recipe.

    Raises RecipeError with every problem of the file, InputError if it cannot be read.
    """
    return _load(*_read(file), file, overrides or [])


def recipe_from_dict(data: Mapping[str, Any], folder: Path, overrides: list[str] | None = None) -> LoadedRecipe:
    """Validate a recipe that is given as a mapping, its relative paths starting from `folder`.

    Raises RecipeError with every problem.
    """
    return _load(deepcopy(dict(data)), {}, folder / "recipe", overrides or [])


def _load(data: dict[str, Any], lines: dict[KeyPath, int], file: Path, overrides: list[str]) -> LoadedRecipe:
    sources = _override(data, overrides)
    lines = {path: line for path, line in lines.items() if not any(path[:n] in sources for n in range(1, len(path)))}
    places = Places(file, lines, sources)
    context = {"folder": _base_of(file)}
    recipe, problems = _validate(data, context)
    if recipe is None:
        placed = [places.problem(path, message) for path, message in problems]
        raise RecipeError(placed, LoadedRecipe(_sound_recipe(data, context), places))
    return LoadedRecipe(recipe, places)


def _base_of(file: Path) -> Path:
    try:
        return Path(orjson.loads((file.parent / ORIGIN).read_bytes())["base"])
    except (OSError, ValueError, KeyError, TypeError):
        return file.parent


def dump_recipe(recipe: Recipe) -> str:
    """Write a recipe as YAML, defaults filled in; `load_recipe` reads back the same recipe."""
    text = yaml_text(recipe.model_dump(mode="json", by_alias=True, exclude_none=True))
    return text + ("dedupe: null\n" if recipe.dedupe is None else "")


def yaml_text(value: dict[str, Any]) -> str:
    """Write a JSON-able mapping as YAML that reads back as the same mapping."""
    yaml = YAML()
    yaml.width = 2**30  # never fold: a folded string with a backslash in it reads back as another string
    out = io.StringIO()
    yaml.dump(value, out)
    return out.getvalue()


def _address(file: Path) -> str:
    return re.sub(r"^(\w+):/+", r"\1://", str(file))


def _read(file: Path) -> tuple[dict[str, Any], dict[KeyPath, int]]:
    try:
        tree = YAML(typ="rt").load(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if re.match(r"(https?|s3|gs|hf):/", str(file)):  # a Path has one slash of two
            raise InputError(f"{_address(file)} is a URL; download the recipe and name the file") from None
        raise InputError(f"there is no recipe {file}; `infogap init` writes one to start from") from None
    except IsADirectoryError:
        raise InputError(f"{file} is a folder; name a recipe, or look at a run with infogap status {file}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read the recipe {file}: {error}") from error
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{file}:{mark.line + 1}" if mark else str(file)
        what = (error.problem or "not valid YAML").splitlines()[0]
        raise RecipeError([Problem(where, "", f"not valid YAML: {what}")]) from error
    except YAMLError as error:
        raise RecipeError([Problem(str(file), "", f"not valid YAML: {error}")]) from error
    if not isinstance(tree, CommentedMap):
        raise RecipeError([Problem(f"{file}:1", "", "a recipe is a mapping of keys such as `name:` and `tasks:`")])
    lines: dict[KeyPath, int] = {(): 1}
    return _plain(tree, (), lines), lines


def _plain(node: Any, path: KeyPath, lines: dict[KeyPath, int]) -> Any:
    """Convert a YAML node to plain Python values, and record the line of every key and list item."""
    if isinstance(node, CommentedMap):
        for key in node:
            lines[(*path, key)] = node.lc.data[key][0] + 1 if key in (node.lc.data or {}) else lines[path]
        return {key: _plain(value, (*path, key), lines) for key, value in node.items()}
    if isinstance(node, CommentedSeq):
        for index in range(len(node)):
            lines[(*path, index)] = node.lc.item(index)[0] + 1
        return [_plain(value, (*path, index), lines) for index, value in enumerate(node)]
    for kind in (bool, int, float, str):
        if isinstance(node, kind):
            return kind(node)
    return node


_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


def _override(data: dict[str, Any], overrides: list[str]) -> dict[KeyPath, str]:
    """Set `a.b[0].c=value` in the data; return which override set which key."""
    sources: dict[KeyPath, str] = {}
    for override in overrides:
        name, separator, text = override.partition("=")
        path: KeyPath = tuple(int(index) if index else key for key, index in _STEP.findall(name.strip()))
        if not separator or not path:
            raise InputError(f"--set {override}: write it as key=value, for example --set generate.samples=2")
        try:
            value = _plain(YAML(typ="rt").load(text), (), {(): 0})
        except YAMLError:
            raise InputError(f"--set {override}: the value is not valid YAML") from None
        node: Any = data
        for step, following in pairwise(path):
            node = _descend(node, step, following, override)
        last = path[-1]
        if isinstance(node, dict) or (isinstance(node, list) and isinstance(last, int) and last < len(node)):
            node[last] = value  # type: ignore[index]
        else:
            raise InputError(f"--set {override}: there is no {spell_path(path)} to set")
        sources[path] = f"--set {override}"
    return sources


def _descend(node: Any, step: str | int, following: str | int, override: str) -> Any:
    if isinstance(node, dict) and isinstance(step, str):
        if node.get(step) is None:
            node[step] = [] if isinstance(following, int) else {}
        return node[step]
    if isinstance(node, list) and isinstance(step, int) and step < len(node):
        return node[step]
    raise InputError(f"--set {override}: there is no '{step}' in the recipe")


def _validate(data: dict[str, Any], context: dict[str, Path]) -> tuple[Recipe | None, list[tuple[KeyPath, str]]]:
    """Return the recipe, or else every problem: those within sections, and those between sound sections."""
    problems: list[tuple[KeyPath, str]] = []
    recipe: Recipe | None = None
    try:
        recipe = Recipe.model_validate(data, context=context)
    except ValidationError as error:
        problems += messages(error, data)
    problems += contradictions(_sound_sections(data, context))
    return (None if problems else recipe), problems


def _sound_recipe(data: dict[str, Any], context: dict[str, Path]) -> Recipe:
    """Build a recipe from the sound sections alone."""
    sections = _sound_sections(data, context)
    keys = {info.alias or name: name for name, info in Recipe.model_fields.items()}
    fields = {keys[key]: section for key, section in sections.items() if section is not None}
    return Recipe.model_construct(**({"name": "unnamed"} | fields))  # type: ignore[arg-type]


def _sound_sections(data: dict[str, Any], context: dict[str, Path]) -> dict[str, object]:
    sections: dict[str, object] = {}
    for name, info in Recipe.model_fields.items():
        key = info.alias or name
        if data.get(key) is None:
            continue
        try:
            section = TypeAdapter[Any](info.annotation or Any)
            sections[key] = section.validate_python(data[key], strict=True, context=context)
        except ValidationError:
            sections[key] = None
    return sections
