"""Recipes with given sources, and the tasks that they give."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl

from infogap.recipe import LoadedRecipe, load_recipe
from infogap.runs.run_folder import Run
from infogap.schema import TASKS


def write_jsonl(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def task_recipe(folder: Path, sources: str, seed: int = 5) -> LoadedRecipe:
    """A recipe in the folder whose `tasks` are the given YAML list items."""
    file = folder / "recipe.yaml"
    generate = "generate: {instruction: Solve it., privileges: [unguided]}\n"
    file.write_text(f"name: trial\nseed: {seed}\ntasks:\n{sources}\nteacher: {{backend: embedded}}\n{generate}")
    return load_recipe(file)


def task_run(folder: Path, sources: str, seed: int = 5) -> Run:
    """A run of such a recipe, with nothing made yet."""
    return Run.create(task_recipe(folder, sources, seed), folder / "run")


def import_run(folder: Path, sources: str) -> Run:
    """A run whose recipe imports the given YAML list items."""
    file = folder / "recipe.yaml"
    file.write_text(f"name: trial\nseed: 5\nimport:\n{sources}\n")
    return Run.create(load_recipe(file), folder / "run")


def tasks_of(run: Run) -> pl.DataFrame:
    """The tasks table in the order in which it was written."""
    return pl.concat(run.parts(TASKS))
