"""Load recipes: read YAML with line numbers, apply overrides, validate, and write the recipe back with its defaults."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import orjson
from pydantic import TypeAdapter, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from infogap.errors import InputError
from infogap.recipe.base import Model
from infogap.recipe.contradictions import contradictions
from infogap.recipe.recipe_errors import Path as KeyPath
from infogap.recipe.recipe_errors import Problem, RecipeError, messages, spell_path
from infogap.recipe.recipe_files import EXTENDS, Origin, RecipeText, WrittenRecipe, merged, parse_recipe, read_recipe
from infogap.recipe.recipe_model import Recipe
from infogap.recipe.untrusted import untrusted_problems
from infogap.recipe.variables import escaped, substituted, unescaped
from infogap.recipe.yaml_reading import UnreadableYamlError, read_plain
from infogap.user_cache import kept

Kind = TypeVar("Kind", bound=Model)


_SLOW = 4_000  # characters of a file that is worth keeping as it was read: a lexicon, the rules of leaks
_READ_AS = 1  # raised when `read_plain` reads the same text as other values


def read_yaml(kind: type[Kind], text: str, where: str) -> Kind:
    """Read YAML text into a model. Raises InputError with every problem and its place."""
    try:
        data = kept("yaml", [_READ_AS, text], lambda: read_plain(text)[0]) if len(text) > _SLOW else read_plain(text)[0]
    except UnreadableYamlError as problem:
        line = f":{problem.line}" if problem.line else ""
        raise InputError(f"{where}{line}: {problem}") from problem
    if not isinstance(data, dict):
        raise InputError(f"{where}: expected a mapping of {', '.join(kind.allowed_keys())}")
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        problems = messages(error, data)
        lines = [f"{where}: {spell_path(path)}: {text}" if path else f"{where}: {text}" for path, text in problems]
        raise InputError("\n".join(lines)) from error


ORIGIN = "run.json"  # beside a run's resolved recipe: where its relative paths start from


@dataclass(frozen=True)
class Places:
    """Where each key of a recipe stands: a line of its file or of one that it extends, or the override that set it."""

    file: Path
    lines: dict[KeyPath, int]
    overrides: dict[KeyPath, str]
    inherited: dict[KeyPath, tuple[Path, int]] = field(default_factory=dict)

    def problem(self, path: KeyPath, message: str) -> Problem:
        """Return a problem at a key, with its line in the file or the override that set it."""
        for length in range(len(path), -1, -1):
            if path[:length] in self.overrides:
                return Problem(self.overrides[path[:length]], spell_path(path), message)
            for key, override in self.overrides.items():
                if length and key[:length] == path[:length] and self._line(path[:length]) is None:
                    return Problem(override, spell_path(path), message)  # it made the mapping that the key is in
            if line := self._line(path[:length]):
                return Problem(line, spell_path(path), message)
        return Problem(str(self.file), spell_path(path), message)

    def _line(self, path: KeyPath) -> str | None:
        """Return `file:line` of a key; None if no file has it."""
        if path in self.lines:
            return f"{self.file}:{self.lines[path]}"
        if path in self.inherited:
            file, line = self.inherited[path]
            return f"{file}:{line}"
        return None


@dataclass(frozen=True)
class LoadedRecipe:
    """A valid recipe, where each of its keys stands, and where it came from if not from this machine."""

    recipe: Recipe
    places: Places
    origin: Origin | None = None

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


def load_recipe(
    file: Path, overrides: list[str] | None = None, environment: Mapping[str, str] | None = None
) -> LoadedRecipe:
    """Read, override (`key=value`, the value in YAML) and validate a recipe.

    A recipe that a person wrote may extend another one, and hold variables, whose values `environment` gives. Without
    an `environment`, and in a run's folder, it is one that infogap wrote: whole, and a `${NAME}` in it is text.

    Raises RecipeError with every problem of the file, InputError if it cannot be read.
    """
    written = read_recipe(file)
    if (file.parent / ORIGIN).is_file():
        environment = None
    return _load(written, file, overrides or [], environment)


def recipe_from_dict(
    data: Mapping[str, Any],
    folder: Path,
    overrides: list[str] | None = None,
    environment: Mapping[str, str] | None = None,
) -> LoadedRecipe:
    """Validate a recipe that is given as a mapping, its relative paths starting from `folder`; see `load_recipe`.

    Raises RecipeError with every problem.
    """
    return _load(WrittenRecipe(deepcopy(dict(data))), folder / "recipe", overrides or [], environment)


def recipe_from_text(
    given: RecipeText, overrides: list[str] | None = None, environment: Mapping[str, str] | None = None
) -> LoadedRecipe:
    """Validate a recipe that is a text, its relative paths starting from the working directory; see `load_recipe`.

    Raises RecipeError with every problem; for one from elsewhere, with everything that it may not say without trust.
    """
    file = Path(given.name)
    written = parse_recipe(given.text, file)
    if given.origin is not None:
        places = Places(file, written.lines, {})
        problems = [] if given.trusted else untrusted_problems(written.data, Path())
        if EXTENDS in written.data:
            problems.append(((EXTENDS,), "a recipe from elsewhere has to be whole; save it here to extend it"))
        if problems:
            raise RecipeError([places.problem(path, message) for path, message in problems])
    return replace(_load(written, file, overrides or [], environment), origin=given.origin)


def _load(
    written: WrittenRecipe, file: Path, overrides: list[str], environment: Mapping[str, str] | None
) -> LoadedRecipe:
    if environment is None:
        written.data = unescaped(written.data)
    else:
        written = merged(written, file)
    data, lines = written.data, written.lines
    sources = _override(data, overrides)
    lines = {path: line for path, line in lines.items() if not any(path[:n] in sources for n in range(1, len(path)))}
    places = Places(file, lines, sources, written.inherited)
    if EXTENDS in data:
        in_run = "a recipe in a run's folder is whole; put one that extends another into a folder of its own"
        problem = in_run if environment is None else "cannot be set: write it into the recipe"
        raise RecipeError([places.problem((EXTENDS,), problem)])
    context = {"folder": _base_of(file)}
    unknown: list[tuple[KeyPath, str]] = []
    if environment is not None:
        data, unknown = substituted(data, environment)
    data = _without_refused_nulls(data, written.nulls, context)
    recipe, problems = _validate(data, context)
    # What is said of a text with a variable that has no value yet would be about the variable's name.
    problems = [*unknown, *(one for one in problems if not any(one[0][: len(path)] == path for path, _ in unknown))]
    if recipe is None or problems:
        placed = [places.problem(path, message) for path, message in problems]
        raise RecipeError(placed, LoadedRecipe(_sound_recipe(data, context), places))
    return LoadedRecipe(recipe, places)


def _without_refused_nulls(data: dict[str, Any], nulls: set[KeyPath], context: dict[str, Path]) -> dict[str, Any]:
    """Remove the keys that a null took out of an extended recipe; a null that has a meaning of its own there stays."""
    refused = set(nulls)
    while refused:
        try:
            Recipe.model_validate(data, context=context)
        except ValidationError as error:
            faulty = {path for path, _ in messages(error, data)}
        else:
            break
        refused = {path for path in refused if path in faulty and _value_at(data, path) is None}
        for path in refused:
            del _value_at(data, path[:-1])[path[-1]]
    return data


def _value_at(data: Any, path: KeyPath) -> Any:
    step: Any
    for step in path:
        data = data[step] if isinstance(data, list) else data.get(step, ...) if isinstance(data, dict) else ...
    return data


def _base_of(file: Path) -> Path:
    try:
        return Path(orjson.loads((file.parent / ORIGIN).read_bytes())["base"])
    except (OSError, ValueError, KeyError, TypeError):
        return file.parent


def dump_recipe(recipe: Recipe) -> str:
    """Write a recipe as YAML, defaults filled in; `load_recipe` reads back the same recipe."""
    written = as_written(recipe)
    text = yaml_text({key: value for key, value in written.items() if value is not None})
    return text + "".join(f"{key}: null\n" for key, value in written.items() if value is None)


def as_written(recipe: Recipe) -> dict[str, Any]:
    """Return the mapping that `dump_recipe` writes: of JSON's types, the keys in the sections' order."""
    written: dict[str, Any] = escaped(recipe.model_dump(mode="json", by_alias=True, exclude_none=True))
    return written | ({"dedupe": None} if recipe.dedupe is None else {})


def yaml_text(value: dict[str, Any]) -> str:
    """Write a JSON-able mapping as YAML that reads back as the same mapping."""
    yaml = YAML()
    yaml.width = 2**30  # never fold: a folded string with a backslash in it reads back as another string
    out = io.StringIO()
    yaml.dump(_with_escapes(value), out)
    return out.getvalue()


_NOT_PLAIN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff]")


def _with_escapes(value: Any) -> Any:
    """Quote texts with characters that YAML reads as the end of a line, or not at all, so that they are escaped."""
    if isinstance(value, dict):
        return {_with_escapes(key): _with_escapes(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_escapes(item) for item in value]
    return DoubleQuotedScalarString(value) if isinstance(value, str) and _NOT_PLAIN.search(value) else value


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
            value, _ = read_plain(text)
        except UnreadableYamlError as problem:
            raise InputError(f"--set {override}: the value cannot be read: {problem}") from None
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
