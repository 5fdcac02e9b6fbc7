"""What a recipe may say, and its error messages."""

from infogap.recipe.load import ORIGIN, LoadedRecipe, RecipeError, dump_recipe, load_recipe, yaml_text
from infogap.recipe.model import Recipe
from infogap.recipe.problems import Problem

__all__ = ["ORIGIN", "LoadedRecipe", "Problem", "Recipe", "RecipeError", "dump_recipe", "load_recipe", "yaml_text"]
