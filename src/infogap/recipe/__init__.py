"""The recipe: what it may say, and the messages for what it may not. Open `recipe_model.py` first."""

from infogap.recipe.load_recipe import (
    ORIGIN,
    LoadedRecipe,
    Places,
    as_written,
    dump_recipe,
    load_recipe,
    recipe_from_dict,
    recipe_from_text,
    yaml_text,
)
from infogap.recipe.recipe_errors import Problem, RecipeError
from infogap.recipe.recipe_files import Origin, RecipeText
from infogap.recipe.recipe_model import Recipe
from infogap.recipe.recipe_paths import resolved

__all__ = [
    "ORIGIN",
    "LoadedRecipe",
    "Origin",
    "Places",
    "Problem",
    "Recipe",
    "RecipeError",
    "RecipeText",
    "as_written",
    "dump_recipe",
    "load_recipe",
    "recipe_from_dict",
    "recipe_from_text",
    "resolved",
    "yaml_text",
]
