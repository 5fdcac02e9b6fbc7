"""The ladder of all registered privileges, poorest first, and which of them are set against which controls."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

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
        known: dict[str, Privilege] = {privilege.name: privilege for privilege in ladder()}
    else:
        known = {use.label: use.privilege for use in (recipe.generate.unguided, *recipe.generate.uses)}
    # A derived trace has the context of the trace that it was made from.
    derived = {
        f"{label}/{entry.name}": privilege for entry in recipe.derive or [] for label, privilege in known.items()
    }
    return known | derived


def solution_stands_for_context(recipe: Recipe) -> list[str]:
    """Return the labels of imported privileges that show the worked solution, where the recipe maps solutions.

    What the teacher saw of a trace under one of them holds the solution, also where the source does not give its
    context.
    """
    if not any(source.columns.solution for source in recipe.import_ or []):
        return []
    return sorted(label for label, privilege in privileges_by_label(recipe).items() if privilege.shows_solution)


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


@dataclass(frozen=True)
class Contrast:
    """Two privileges by their names; `says` is what is left when the effect of `control` is subtracted."""

    privilege: str
    control: str
    about: Literal["knowledge", "style"]
    says: str


def contrasts_among(recipe: Recipe, labels: list[str]) -> list[tuple[str, str, Contrast]]:
    """Every contrast that these privileges (as the recipe calls them) can make: label, label of the control, which."""
    known = privileges_by_label(recipe)
    occurring = {label: known[label] for label in labels if label in known}
    return [
        (label, control, contrast)
        for contrast in _contrasts(occurring.values())
        for label, privilege in occurring.items()
        for control, other in occurring.items()
        if (privilege.name, other.name) == (contrast.privilege, contrast.control)
        and not privilege.attempts  # a rewrite of its own trace does not show what `solution` shows
    ]


def _contrasts(privileges: Iterable[Privilege]) -> list[Contrast]:
    """The contrasts that these state, in the ladder's order.

    Effect of the true context minus effect of a control, RLCSD's contrast. What both unguided differences share (any
    context makes a prompt longer, and its wording sets a tone) cancels out; what differs is named.
    """
    each_once = {privilege.name: privilege for privilege in privileges}
    return [
        Contrast(each.name, other, "style", says) if each.style else Contrast(other, each.name, "knowledge", says)
        for each in sorted(each_once.values(), key=lambda privilege: privilege.rank)
        for other, says in each.contrasts
    ]
