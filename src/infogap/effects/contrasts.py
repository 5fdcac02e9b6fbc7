"""Which privileges are set against which controls, and what their difference says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from infogap.privileges.base import Privilege
from infogap.privileges.ladder import privileges_by_label
from infogap.recipe import Recipe


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
