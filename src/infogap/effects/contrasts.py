"""Which privileges are set against which controls, and what their difference says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from infogap import plugins
from infogap.privileges.ladder import privileges_by_label
from infogap.recipe import Recipe


@dataclass(frozen=True)
class Contrast:
    """Two privileges of the ladder; `says` is what is left when the effect of `control` is taken off."""

    privilege: str
    control: str
    about: Literal["knowledge", "style"]
    says: str


# Effect of the true context minus effect of a control, RLCSD's contrast. What both unguided differences share (any
# context makes a prompt longer, and its wording sets a tone) cancels out; what differs is named.
CONTRASTS = (
    Contrast("answer", "decoy_answer", "knowledge", "same wording and form; only the one answer is right"),
    Contrast("solution", "decoy_solution", "knowledge", "both worked solutions; only the one is of this task"),
    Contrast("solution", "irrelevant", "knowledge", "same length; the other text says nothing of any task"),
    Contrast("masked_solution", "irrelevant", "knowledge", "near in length; the plan without its results, or nothing"),
    Contrast("hint", "irrelevant", "knowledge", "a hint is shorter than the text: length differs too"),
    Contrast("confident_rewrite", "solution", "style", "the same solution; the one wording forbids any doubt"),
)


def names_of(recipe: Recipe, labels: list[str]) -> dict[str, str]:
    """The ladder's name of each privilege that occurs; a recipe's own privileges have none."""
    registered = plugins.names("privileges")
    known = privileges_by_label(recipe)
    return {label: known[label].name for label in labels if label in known and known[label].name in registered}


def contrasts_among(recipe: Recipe, labels: list[str]) -> list[tuple[str, str, Contrast]]:
    """Every contrast that these privileges (as the recipe calls them) can make: label, label of the control, which."""
    names = names_of(recipe, labels)
    generate = recipe.generate
    showing_attempts = {use.label for use in generate.uses if use.attempts} if generate else set[str]()
    return [
        (label, control, contrast)
        for contrast in CONTRASTS
        for label in labels
        for control in labels
        if (names.get(label), names.get(control)) == (contrast.privilege, contrast.control)
        and label not in showing_attempts  # a rewrite of its own trace does not show what `solution` shows
    ]
