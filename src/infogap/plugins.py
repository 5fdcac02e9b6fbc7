"""Extensions: privileges, backends, verifiers, measures, published configs and file formats, found by entry points.

infogap's own stand in its pyproject.toml, in the same groups in which another package registers its own. An object is
imported when it is used.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal

from infogap.errors import InputError, nearest

Kind = Literal["privileges", "backends", "verifiers", "measures", "configs", "formats"]


def names(kind: Kind) -> tuple[str, ...]:
    """The names that are registered, in alphabetical order."""
    return tuple(sorted(_registered(kind)))


def load(kind: Kind, name: str) -> Any:
    """The object that is registered under a name, imported now.

    Raises InputError where there is none, or where it cannot be imported.
    """
    found = _registered(kind).get(name)
    if found is None:
        known = names(kind)
        raise InputError(f"there is no '{name}' among the {kind}{nearest(name, known)}; registered: {', '.join(known)}")
    return _loaded(found)


def resource(kind: Kind, name: str) -> str:
    """The text of the file that is registered under a name, as `package:file.yaml`; nothing of the package runs.

    Raises InputError where the package has no such file.
    """
    each = _registered(kind)[name]
    try:
        return (resources.files(each.module) / each.attr).read_text(encoding="utf-8")
    except (OSError, ImportError, TypeError, UnicodeDecodeError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise InputError(f"'{name}' of {_package(each)} cannot be read ({each.value}): {reason}") from error


def provider(kind: Kind, name: str) -> tuple[str, str]:
    """The name and version of the package that registers a name: its results may change with that version."""
    package = _registered(kind)[name].dist
    return (package.name, package.version) if package else ("", "")


@cache
def _registered(kind: Kind) -> dict[str, EntryPoint]:
    found: dict[str, EntryPoint] = {}
    for each in entry_points(group=f"infogap.{kind}"):
        other = found.setdefault(each.name, each)
        if other.value != each.value:
            raise InputError(
                f"{_package(other)} and {_package(each)} both register '{each.name}' among the {kind}; uninstall one"
            )
    return found


@cache
def _loaded(found: EntryPoint) -> Any:
    try:
        return found.load()
    except Exception as error:  # another package's code: whatever it raises when it is imported
        reason = f"{type(error).__name__}: {error}"
        raise InputError(f"'{found.name}' of {_package(found)} cannot be loaded ({found.value}): {reason}") from error


def _package(found: EntryPoint) -> str:
    return f"the package {found.dist.name}" if found.dist else f"'{found.value}'"
