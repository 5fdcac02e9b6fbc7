"""The columns that the mixes of a recipe read."""

from __future__ import annotations

from infogap.recipe import Recipe
from infogap.recipe.axis_targets import AxisTargets
from infogap.recipe.balance_section import MixSettings

RANKED = {"band": "epistemic_density"}  # the numbers behind a column of names


def columns_of(mix: MixSettings) -> set[str]:
    """Return the columns of a run that the axes of a mix read."""
    names = set(mix.axes)
    for name, asked in mix.axes.items():
        if isinstance(asked, AxisTargets):
            names |= {column for column in (asked.within, asked.given) if column}
            names |= {RANKED[name]} if asked.ranges and name in RANKED else set()
    return names | ({"teacher"} if mix.max_per_teacher else set())


def drops_contaminated(recipe: Recipe) -> bool:
    """Whether traces that match evaluation sets are left out of the mix."""
    return recipe.decontaminate is not None and recipe.decontaminate.policy == "drop"
