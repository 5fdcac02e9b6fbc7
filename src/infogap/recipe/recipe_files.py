"""Read a recipe's file, and merge it into the file that it extends.

Mappings merge key by key, and everything else replaces what was there. Every value keeps the file and line on which it
is written, so that an error in an extended file is reported there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infogap.errors import InputError
from infogap.recipe.recipe_errors import Path as KeyPath
from infogap.recipe.recipe_errors import Problem, RecipeError, show
from infogap.recipe.recipe_paths import rebased, resolved
from infogap.recipe.yaml_reading import MOST_CHARACTERS, UnreadableYamlError, read_plain

EXTENDS = "extends"
MOST_FILES = 10  # in a chain of recipes that extend each other


@dataclass
class WrittenRecipe:
    """A recipe's values, and where each of them is written.

    `lines` are those of the recipe's own file, `inherited` the places in the files that it extends. `nulls` are the
    keys whose inherited value a null has replaced.
    """

    data: dict[str, Any]
    lines: dict[KeyPath, int] = field(default_factory=dict)
    inherited: dict[KeyPath, tuple[Path, int]] = field(default_factory=dict)
    nulls: set[KeyPath] = field(default_factory=set)


@dataclass(frozen=True)
class Origin:
    """Where a recipe from elsewhere came from: its address, and the SHA-256 of its bytes."""

    address: str
    sha256: str


@dataclass(frozen=True)
class RecipeText:
    """A recipe that is no file of this machine. `name` stands for a file's in messages; paths start from here.

    One with an origin that is not `trusted` may not run code, or read the environment and files elsewhere.
    """

    text: str
    name: str
    origin: Origin | None = None
    trusted: bool = False


def read_recipe(file: Path) -> WrittenRecipe:
    """Read a recipe's file alone. Raises RecipeError for what is no YAML mapping, InputError if it cannot be read."""
    try:
        text = _text(file)
    except FileNotFoundError:
        if address := re.match(r"(\w[\w+.-]*):/+(.*)", str(file)):  # a Path has one slash of two
            raise InputError(f"{address[1]}://{address[2]} is a URL; download the recipe and name the file") from None
        raise InputError(f"there is no recipe {file}; `infogap init` writes one to start from") from None
    except IsADirectoryError:
        raise InputError(f"{file} is a folder; name a recipe, or look at a run with infogap status {file}") from None
    except (OSError, ValueError) as error:  # not UTF-8, a name that no file can have
        raise InputError(f"cannot read the recipe {file}: {error}") from error
    except UnreadableYamlError as problem:
        raise RecipeError([Problem(str(file), "", str(problem))]) from problem
    return parse_recipe(text, file)


def parse_recipe(text: str, file: Path) -> WrittenRecipe:
    """Parse a recipe's text; `file` is its name in messages. Raises RecipeError for what is no YAML mapping."""
    try:
        tree, lines = read_plain(text)
    except UnreadableYamlError as problem:
        where = f"{file}:{problem.line}" if problem.line else str(file)
        raise RecipeError([Problem(where, "", str(problem))]) from problem
    if not isinstance(tree, dict):
        raise RecipeError([Problem(f"{file}:1", "", "a recipe is a mapping of keys such as `name:` and `tasks:`")])
    return WrittenRecipe(tree, lines)


def _text(file: Path) -> str:
    most = 4 * MOST_CHARACTERS  # a character has 4 bytes at most
    with file.open("rb") as opened:
        content = opened.read(most + 1)
    if len(content) > most:
        raise UnreadableYamlError(f"it has more than {most:,} bytes, the most that is read")
    return content.decode("utf-8")


def merged(written: WrittenRecipe, file: Path) -> WrittenRecipe:
    """Merge a recipe with the files that it extends, one after the other; relative names start from each one's folder.

    Raises RecipeError at the key `extends` for a file that is missing, extends itself or is one of too many, and for a
    recipe without a name of its own.
    """
    whole, folder, chain = written, file.parent, [file]
    while EXTENDS in whole.data:
        entry = whole.data.pop(EXTENDS)
        of_base = whole.inherited.pop((EXTENDS,), None)
        in_file, line = of_base or (file, whole.lines.get((EXTENDS,)))
        where = str(in_file) if line is None else f"{in_file}:{line}"
        base_file = _base_file(entry, folder, chain, where)
        if len(chain) == 1 and written.data.get("name") is None:
            message = f"missing; with the name of {base_file.name}, this run would take the place of that one's"
            raise RecipeError([Problem(where, "name", message)])
        base = read_recipe(base_file)
        base.data = rebased(base.data, base_file.parent, file.parent)
        whole = _merged_over(whole, base, base_file)
        folder = base_file.parent
        chain.append(base_file)
    return whole


def _base_file(entry: Any, folder: Path, chain: list[Path], where: str) -> Path:
    """Return the file that `extends` names. Raises RecipeError if it cannot be extended."""

    def refused(message: str) -> RecipeError:
        return RecipeError([Problem(where, EXTENDS, message)])

    if not isinstance(entry, str) or not entry.strip():
        raise refused(f"names one file, such as base.yaml; found {show(entry)}")
    if re.match(r"\w+://", entry):
        raise refused(f"names a file on this machine; download {entry}")
    if "${" in entry:
        raise refused(f"is a file's name as it is, without variables; found {show(entry)}")
    try:
        file = resolved(folder, entry)
    except InputError as error:
        raise refused(str(error)) from error
    if not file.is_file():
        raise refused(f"there is no file {file}")
    if any(file.samefile(one) for one in chain if one.is_file()):
        names = " -> ".join(one.name for one in [*chain, file])
        raise refused(f"a recipe cannot extend itself: {names}")
    if len(chain) >= MOST_FILES:
        raise refused(f"the chain of recipes is longer than {MOST_FILES} files")
    return file


def _merged_over(own: WrittenRecipe, base: WrittenRecipe, base_file: Path) -> WrittenRecipe:
    data, nulls, replaced = dict(base.data), set(own.nulls), set[KeyPath]()
    data.pop("name", None)  # a recipe has its own
    _merge(data, own.data, (), nulls, replaced)
    inherited = {
        path: (base_file, line)
        for path, line in base.lines.items()
        if path and not any(path[:length] in replaced for length in range(1, len(path) + 1))
    }
    return WrittenRecipe(data, own.lines, inherited | own.inherited, nulls)


def _merge(
    base: dict[Any, Any], own: dict[Any, Any], path: KeyPath, nulls: set[KeyPath], replaced: set[KeyPath]
) -> None:
    """Merge `own` into `base`; add the places of values that are replaced, and of those that are null now."""
    for key, value in own.items():
        place = (*path, key)
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            base[key] = dict(base[key])
            _merge(base[key], value, place, nulls, replaced)
            continue
        if key in base:
            replaced.add(place)
            if value is None and base[key] is not None:
                nulls.add(place)
        base[key] = value
