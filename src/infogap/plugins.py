"""Extensions, found by entry points: privileges, backends, verifiers, measures, configs, formats to read and export.

infogap's pyproject.toml registers the built-in ones in the same groups that other packages use. Each is imported on
first use.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from importlib.metadata import Distribution, EntryPoint, entry_points
from typing import Any, Literal

from infogap.errors import InputError, nearest

Kind = Literal["privileges", "backends", "verifiers", "measures", "configs", "formats", "exports"]


def names(kind: Kind) -> tuple[str, ...]:
    """Return the registered names, in alphabetical order."""
    return tuple(sorted(_registered(kind)))


def load(kind: Kind, name: str) -> Any:
    """Import the object that is registered under a name.

    Raises InputError if there is none, or if it cannot be imported.
    """
    entry = _registered(kind).get(name)
    if entry is None:
        known = names(kind)
        raise InputError(f"there is no '{name}' among the {kind}{nearest(name, known)}; registered: {', '.join(known)}")
    return _loaded(entry)


def resource(kind: Kind, name: str) -> str:
    """Read the text file that is registered under a name, as `package:file.yaml`, without running its package's code.

    Raises InputError if the package has no such file.
    """
    entry = _registered(kind)[name]
    try:
        return (resources.files(entry.module) / entry.attr).read_text(encoding="utf-8")
    except (OSError, ImportError, TypeError, UnicodeDecodeError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise InputError(f"'{name}' of {_package(entry)} cannot be read ({entry.value}): {reason}") from error


def provider(kind: Kind, name: str) -> tuple[str, str]:
    """Return the name and version of the package that registers a name; its results may change with the version."""
    package = _registered(kind)[name].dist
    return _name_and_version(package) if package else ("", "")


@cache  # each time, the file of all that a package says of itself would be parsed twice
def _name_and_version(package: Distribution) -> tuple[str, str]:
    return package.name, package.version


@cache
def _registered(kind: Kind) -> dict[str, EntryPoint]:
    registered: dict[str, EntryPoint] = {}
    for entry in entry_points(group=f"infogap.{kind}"):
        other = registered.setdefault(entry.name, entry)
        if other.value != entry.value:
            raise InputError(
                f"{_package(other)} and {_package(entry)} both register '{entry.name}' among the {kind}; uninstall one"
            )
    return registered


@cache
def _loaded(entry: EntryPoint) -> Any:
    try:
        return entry.load()
    except Exception as error:  # another package's code may raise anything
        reason = f"{type(error).__name__}: {error}"
        raise InputError(f"'{entry.name}' of {_package(entry)} cannot be loaded ({entry.value}): {reason}") from error


def _package(entry: EntryPoint) -> str:
    return f"the package {entry.dist.name}" if entry.dist else f"'{entry.value}'"
