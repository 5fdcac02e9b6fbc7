"""What a recipe may say, and its error messages."""

from infogap.recipe.load_recipe import (
    ORIGIN,
    LoadedRecipe,
    RecipeError,
    dump_recipe,
    load_recipe,
    recipe_from_dict,
    resolved,
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
    "resolved",
    "yaml_text",
]
