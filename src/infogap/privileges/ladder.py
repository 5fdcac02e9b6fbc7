"""The ladder of privileges, from the student's own prompt to the whole worked solution: all that are registered."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from infogap import plugins
from infogap.privileges.base import Privilege
from infogap.recipe import Recipe
from infogap.user_objects import source_digest


def ladder() -> list[Privilege]:
    """Every registered privilege without options: by richness, then by role, then by name.

    Raises InputError where one cannot be loaded.
    """
    registered: list[Privilege] = [plugins.load("privileges", name) for name in plugins.names("privileges")]
    return sorted(registered, key=lambda each: each.rank)


def privileges_by_label(recipe: Recipe) -> dict[str, Privilege]:
    """The privileges by what a run's tables call them.

    Imports call theirs what they like: those that bear a registered name are taken for it, the others are not known.
    """
    if recipe.generate is None:
        return {privilege.name: privilege for privilege in ladder()}
    return {use.label: use.privilege for use in (recipe.generate.unguided, *recipe.generate.uses)}


def privilege_versions(names: Iterable[str], folder: Path) -> dict[str, str]:
    """What contexts depend on besides the recipe: the version of each of these privileges that is not infogap's own.

    `names` are those of registered privileges, with the version of the package that registers each, and of objects
    `module:object`, whose version is the SHA-256 of their source; `folder` is the recipe's.
    """
    versions: dict[str, str] = {}
    for name in names:
        if ":" in name:
            versions[name] = source_digest(name, folder) or ""
        elif (provider := plugins.provider("privileges", name))[0] != "infogap":
            versions[name] = " ".join(provider)
    return versions
