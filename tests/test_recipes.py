"""Every recipe that ships is valid, and so is what they and the README say of themselves."""

import re
from pathlib import Path

import pytest

from infogap.api.check_recipe import outside_problems
from infogap.recipe import load_recipe

ROOT = Path(__file__).parents[1]
RECIPES = sorted((ROOT / "recipes").glob("*.yaml"))


def test_there_are_recipes_to_check() -> None:
    assert {path.stem for path in RECIPES} >= {"quickstart", "vllm-math", "import-traces"}


@pytest.mark.parametrize("file", RECIPES, ids=lambda path: path.stem)
def test_a_shipped_recipe_is_valid_and_named_like_its_file(file: Path) -> None:
    loaded = load_recipe(file)
    assert outside_problems(loaded) == []
    assert loaded.recipe.name == file.stem


def test_the_recipe_in_the_readme_is_valid(tmp_path: Path) -> None:
    (text,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    (tmp_path / "recipe.yaml").write_text(text)
    assert load_recipe(tmp_path / "recipe.yaml").recipe.name == "math-uncertain"


def test_the_other_keys_in_the_readme_are_valid_too(tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text()
    (whole,) = re.findall(r"```yaml\n(.*?)```", readme, re.DOTALL)
    (fragment,) = re.findall(r"```yaml fragment\n(.*?)```", readme, re.DOTALL)
    merged = re.sub(r"generate:.*?\n\n", fragment + "\n", whole, flags=re.DOTALL)
    (tmp_path / "recipe.yaml").write_text(merged)
    generate = load_recipe(tmp_path / "recipe.yaml").recipe.generate
    assert generate is not None and generate.until is not None and generate.select is not None


def test_the_keys_in_the_page_on_the_gap_are_valid(tmp_path: Path) -> None:
    (whole,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    (fragment,) = re.findall(r"```yaml fragment\n(.*?)```", (ROOT / "docs" / "gap.md").read_text(), re.DOTALL)
    merged = re.sub(r"measure:.*?\n\n", fragment + "\n", whole, flags=re.DOTALL)
    (tmp_path / "recipe.yaml").write_text(merged)
    gap = load_recipe(tmp_path / "recipe.yaml").recipe.measure.gap
    assert gap is not None and gap.per_token and gap.contexts == ["decoy_solution", "reference_only"]


def test_the_keys_in_the_page_on_decontamination_are_valid(tmp_path: Path) -> None:
    (whole,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    page = (ROOT / "docs" / "decontamination.md").read_text()
    (fragment,) = re.findall(r"```yaml fragment\n(.*?)```", page, re.DOTALL)
    merged = re.sub(r"decontaminate:.*?\n\n", lambda _: fragment + "\n", whole, flags=re.DOTALL)
    (tmp_path / "recipe.yaml").write_text(merged)
    settings = load_recipe(tmp_path / "recipe.yaml").recipe.decontaminate
    assert settings is not None and [one.label for one in settings.against] == ["aime24", "MATH-500"]


def test_the_readme_shows_no_leftover() -> None:
    assert "@@" not in (ROOT / "README.md").read_text()
