"""Objects of a user's own modules, named `module:object` in a recipe: a module beside the recipe, or installed."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import module_from_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from infogap.errors import UserError
from infogap.spelling import nearest

_beside: dict[
    Path, ModuleType
] = {}  # modules beside recipes, by their file: two recipes may use one name for two files


def load_object(name: str, folder: Path) -> Any:
    """The object of a name `module:object`; the module is looked for in the folder first, and is imported once.

    Raises UserError where it cannot be imported or has no such object.
    """
    module, _, attribute = name.partition(":")
    try:
        loaded = _module_beside(module, folder) or import_module(module)
    except (Exception, SystemExit) as error:  # the user's code: whatever it raises when it is imported
        missing = isinstance(error, ModuleNotFoundError) and f"{module}.".startswith(f"{error.name}.")
        raise UserError(
            f"there is no module '{module}', neither beside the recipe nor installed"
            if missing
            else f"importing '{module}' fails: {type(error).__name__}: {error}"[:300]
        ) from error
    if not hasattr(loaded, attribute):
        names = [key for key in vars(loaded) if not key.startswith("_")]
        raise UserError(f"module '{module}' has no '{attribute}'{nearest(attribute, names)}")
    return getattr(loaded, attribute)


def _module_beside(module: str, folder: Path) -> ModuleType | None:
    """A module that lies in the folder; it may import others that lie there. None where it lies elsewhere."""
    spec = PathFinder.find_spec(module, [str(folder)]) if "." not in module else None
    if spec is None or spec.loader is None or spec.origin is None:
        return None
    file = Path(spec.origin).resolve()
    if file not in _beside:
        _beside[file] = _executed(spec, folder)
    return _beside[file]


def _executed(spec: ModuleSpec, folder: Path) -> ModuleType:
    loaded = module_from_spec(spec)
    assert spec.loader is not None
    writes_bytecode, sys.dont_write_bytecode = sys.dont_write_bytecode, True  # leave nothing in the user's folder
    sys.path.insert(0, str(folder))
    sys.modules[spec.name] = loaded  # where dataclasses look up the module of their annotations
    try:
        spec.loader.exec_module(loaded)
    except BaseException:
        del sys.modules[spec.name]
        raise
    finally:
        sys.path.remove(str(folder))
        sys.dont_write_bytecode = writes_bytecode
    return loaded
