"""Objects of a user's own modules, named `module:object` in a recipe: a module beside the recipe, or installed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from infogap.errors import InputError
from infogap.ids import file_digest
from infogap.spelling import nearest

_beside: dict[tuple[Path, str], ModuleType] = {}  # by file and content: two recipes may each have a module of one name


def load_object(name: str, folder: Path) -> Any:
    """The object of a name `module:object`; the module is looked for in the folder first.

    A module is imported once, one in the folder again after a change: what it gives is what its source says.

    Raises InputError where it cannot be imported or has no such object.
    """
    module, _, attribute = name.partition(":")
    try:
        with _modules_of(folder):
            loaded = _module_beside(module, folder) or import_module(module)
    except (Exception, SystemExit) as error:  # the user's code: whatever it raises when it is imported
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
def _modules_of(folder: Path) -> Iterator[None]:
    """Let modules be imported from a folder first, and leave no bytecode in it."""
    writes_bytecode, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        sys.dont_write_bytecode = writes_bytecode


def _module_beside(module: str, folder: Path) -> ModuleType | None:
    """A top-level module that lies in the folder, executed if it is new; None where there is none."""
    spec = PathFinder.find_spec(module, [str(folder)]) if "." not in module else None
    if spec is None or spec.loader is None or spec.origin is None:
        return None
    key = Path(spec.origin).resolve(), file_digest(Path(spec.origin))
    if key not in _beside:
        loaded = module_from_spec(spec)
        sys.modules[module] = loaded  # where dataclasses look up the module of their annotations
        try:
            spec.loader.exec_module(loaded)
        except BaseException:
            del sys.modules[module]
            raise
        _beside[key] = loaded
    return _beside[key]
