"""Find the families that a recipe holds out of its mixes or gives to a split of their own, from the tasks alone."""

from __future__ import annotations

from collections.abc import Iterable

from infogap import ids
from infogap.recipe import Recipe
from infogap.recipe.balance_section import HoldOut


def drawn_families(known: Iterable[str], hold_out: HoldOut, seed: int) -> list[str]:
    """Return the families that are named, or as many of `known` as are asked for, drawn from the seed."""
    if isinstance(hold_out.families, list):
        return hold_out.families
    return sorted(known, key=lambda family: ids.digest((seed, "hold_out", family)))[: hold_out.families]


def hold_outs(recipe: Recipe) -> list[HoldOut]:
    """Return what the recipe holds out: of every mix, and for splits."""
    splits = recipe.publish.splits or {}
    of_mixes = [] if recipe.balance.hold_out is None else [recipe.balance.hold_out]
    return [*of_mixes, *(each for each in splits.values() if isinstance(each, HoldOut))]


def families_held_out(recipe: Recipe, families: Iterable[str | None]) -> set[str]:
    """Return those of the tasks' `families` that a recipe holds out."""
    known, out = {family for family in families if family is not None}, set[str]()
    for hold_out in hold_outs(recipe):
        out.update(drawn_families(known - out, hold_out, recipe.seed))
    return out
