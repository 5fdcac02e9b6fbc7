"""What a recipe may say, and its error messages."""

from infogap.recipe.load_recipe import (
    ORIGIN,
    LoadedRecipe,
    Places,
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
    "Places",
    "Problem",
    "Recipe",
    "RecipeError",
    "dump_recipe",
    "load_recipe",
    "recipe_from_dict",
    "yaml_text",
]
