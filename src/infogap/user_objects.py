"""A user's own objects, named `module:object` in a recipe: imported from beside the recipe, or installed.

Privileges, verifiers and measures can be named this way. A module beside the recipe takes precedence over an installed
one.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module, invalidate_caches
from importlib.machinery import PathFinder
from importlib.util import find_spec
from pathlib import Path
from socket import gethostname
from typing import Any

from infogap.errors import InputError, nearest
from infogap.ids import digest, file_digest


def is_user_object(name: str) -> bool:
    """Return whether a name has the form `module:object`."""
    return ":" in name


def load_object(name: str, folder: Path) -> Any:
    """Import the object that `module:object` names.

    A module beside the recipe is imported once, and again whenever its source has changed.

    Raises InputError if it cannot be imported or has no such object.
    """
    beside = _top(name) not in sys.stdlib_module_names and PathFinder.find_spec(_top(name), [str(folder)]) is not None
    return _load(name, folder, source_digest(name, folder) if beside else None)


def source_digest(name: str, folder: Path) -> str | None:
    """Hash (SHA-256) the files of an object's module, or of its package; None if there are none.

    Other modules that these import are assumed not to change.
    """
    spec = PathFinder.find_spec(_top(name), [str(folder)]) or find_spec(_top(name))
    if spec is None:
        return None
    files = [(path.name, path) for path in [Path(spec.origin or "")] if path.is_file()]
    for root in map(Path, spec.submodule_search_locations or []):
        files += [(path.relative_to(root).as_posix(), path) for path in root.rglob("*.py")]
    return digest([[where, file_digest(path)] for where, path in sorted(files)]) if files else None


def sources_of(names: Iterable[str], folder: Path) -> dict[str, str | None]:
    """Return `source_digest` of the names that are users' objects, for `check_sources` elsewhere."""
    return {name: source_digest(name, folder) for name in names if is_user_object(name)}


def check_sources(sources: dict[str, str | None], folder: Path) -> None:
    """Raise InputError unless this machine finds the same modules for some names as another one did."""
    for name, source in sources.items():
        here = source_digest(name, folder)
        if here != source:
            problem = "has another" if here else "has no"
            module = name.partition(":")[0]
            raise InputError(
                f"the node {gethostname()} {problem} module '{module}' in {folder}; put the recipe and its modules "
                "on a disk that all nodes share"
            )


def _top(name: str) -> str:
    return name.partition(":")[0].partition(".")[0]


@cache
def _load(name: str, folder: Path, source: str | None) -> Any:
    """Import an object; `source`, the digest of a module beside the recipe, reloads a module that was edited."""
    module, _, attribute = name.partition(":")
    try:
        with _importing_from(folder, _top(name) if source else None):
            loaded = import_module(module)
    except (Exception, SystemExit) as error:  # the user's code may raise anything
        missing = isinstance(error, ModuleNotFoundError) and f"{module}.".startswith(f"{error.name}.")
        raise InputError(
            f"there is no module '{module}', neither beside the recipe nor installed"
            if missing
            else f"importing '{module}' fails: {type(error).__name__}: {error}"[:300]
        ) from error
    if not hasattr(loaded, attribute):
        names = [key for key in vars(loaded) if not key.startswith("_")]
        raise InputError(f"module '{module}' has no '{attribute}'{nearest(attribute, names)}")
    return getattr(loaded, attribute)


@contextmanager
def _importing_from(folder: Path, reload: str | None) -> Iterator[None]:
    """Look for modules in a folder first, reload the named top-level one, and leave no bytecode behind."""
    for known in [each for each in sys.modules if reload and each.partition(".")[0] == reload]:
        del sys.modules[known]
    invalidate_caches()
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        sys.dont_write_bytecode = before
