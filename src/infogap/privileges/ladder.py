"""The ladder of all registered privileges, from the student's own prompt to the whole worked solution."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from infogap import plugins
from infogap.privileges.base import Privilege
from infogap.recipe import Recipe
from infogap.user_objects import is_user_object, source_digest


def ladder() -> list[Privilege]:
    """Return every registered privilege, its options at their defaults, by richness, then role, then name.

    Raises InputError if one cannot be loaded.
    """
    registered: list[Privilege] = [plugins.load("privileges", name) for name in plugins.names("privileges")]
    return sorted(registered, key=lambda each: each.rank)


def privileges_by_label(recipe: Recipe) -> dict[str, Privilege]:
    """Return the privileges by their labels in a run's tables.

    In an import, a label that is a registered name is taken for that privilege; other labels are unknown.
    """
    if recipe.generate is None:
        return {privilege.name: privilege for privilege in ladder()}
    return {use.label: use.privilege for use in (recipe.generate.unguided, *recipe.generate.uses)}


def privilege_versions(names: Iterable[str], folder: Path) -> dict[str, str]:
    """Return what contexts depend on besides the recipe: the versions of privileges that are not infogap's own.

    `names` are registered names, whose version is their package's, and names `module:object`, whose version is the
    SHA-256 of their source; `folder` is the recipe's.
    """
    versions: dict[str, str] = {}
    for name in names:
        if is_user_object(name):
            versions[name] = source_digest(name, folder) or ""
        elif (provider := plugins.provider("privileges", name))[0] != "infogap":
            versions[name] = " ".join(provider)
    return versions
