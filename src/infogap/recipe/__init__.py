"""The recipe: what it may say, and the messages for what it may not. Open `recipe_model.py` first."""

from infogap.recipe.load_recipe import (
    ORIGIN,
    LoadedRecipe,
    RecipeError,
    dump_recipe,
    load_recipe,
    recipe_from_dict,
    yaml_text,
)
from infogap.recipe.recipe_errors import Problem
from infogap.recipe.recipe_model import Recipe

__all__ = [
    "ORIGIN",
    "LoadedRecipe",
    "Problem",
    "Recipe",
    "RecipeError",
    "dump_recipe",
    "load_recipe",
    "recipe_from_dict",
    "yaml_text",
]
