"""The ladder of privileges, from the student's own prompt to the whole worked solution: all that are registered."""

from __future__ import annotations

from pathlib import Path

from infogap import plugins
from infogap.privileges.base import Privilege
from infogap.recipe import Recipe
from infogap.recipe.generate_section import Generate
from infogap.verify.custom_verifier import source_digest


def ladder() -> list[Privilege]:
    """Every registered privilege without options: by richness, then by role, then by name.

    Raises UserError where one cannot be loaded.
    """
    registered: list[Privilege] = [plugins.load("privileges", name) for name in plugins.names("privileges")]
    return sorted(registered, key=lambda each: each.rank)


def privileges_by_label(recipe: Recipe) -> dict[str, Privilege]:
    """The privilege of each name that a run's tables may hold: the registered ones, and those that the recipe names.

    Imports call their privileges what they like: a name that is not registered has none.
    """
    uses = recipe.generate.uses if recipe.generate else ()
    return {each.name: each for each in ladder()} | {use.label: use.privilege for use in uses}


def privilege_versions(generate: Generate, folder: Path) -> dict[str, str]:
    """The version of each privilege that is not infogap's own, by its name in the recipe: contexts depend on it.

    That is the name and version of the package that registers it; of a `module:object`, its source's SHA-256.
    """
    versions: dict[str, str] = {}
    for entry in generate.privileges:
        name = entry if isinstance(entry, str) else next(iter(entry))
        if ":" in name:
            versions[name] = source_digest(name, folder) or ""
        elif name in plugins.names("privileges") and plugins.provider("privileges", name)[0] != "infogap":
            versions[name] = " ".join(plugins.provider("privileges", name))
    return versions
