"""The recipe: what it may say, and the messages for what it may not. Open `recipe_model.py` first."""

from infogap.recipe.load_recipe import (
    ORIGIN,
    LoadedRecipe,
    Places,
    dump_recipe,
    load_recipe,
    recipe_from_dict,
    yaml_text,
)
from infogap.recipe.recipe_errors import Problem, RecipeError
from infogap.recipe.recipe_model import Recipe
from infogap.recipe.recipe_paths import resolved

__all__ = [
    "ORIGIN",
    "LoadedRecipe",
    "Places",
    "Problem",
    "Recipe",
    "RecipeError",
    "dump_recipe",
    "load_recipe",
    "recipe_from_dict",
    "resolved",
    "yaml_text",
]
