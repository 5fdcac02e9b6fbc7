"""`infogap quickstart`: recipe and tasks from the installed package, then a run of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import infogap
from infogap.cli.run_commands import write_quickstart
from infogap.errors import InputError
from infogap.recipe import load_recipe

RECIPES = Path(__file__).parents[2] / "recipes"


def test_recipe_and_tasks_are_written_and_what_was_changed_is_kept(tmp_path: Path) -> None:
    folder = tmp_path / "first"
    recipe = write_quickstart(folder)
    assert {str(path.relative_to(folder)) for path in folder.rglob("*.*")} == {
        "quickstart.yaml",
        "data/word_problems.jsonl",
        "data/sums_and_legs.jsonl",
    }
    assert load_recipe(recipe).recipe == load_recipe(RECIPES / "quickstart.yaml").recipe
    recipe.write_text("name: mine\n")
    (folder / "data" / "word_problems.jsonl").unlink()
    write_quickstart(folder)
    assert recipe.read_text() == "name: mine\n"
    assert (folder / "data" / "word_problems.jsonl").is_file()


def test_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(InputError, match="taken is a file; name a folder"):
        write_quickstart(tmp_path / "taken")


def test_package_without_its_recipe_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(infogap, "__file__", str(tmp_path / "a" / "b" / "infogap" / "__init__.py"))
    with pytest.raises(InputError, match=r"quickstart\.yaml is missing from .*; install infogap again"):
        write_quickstart(tmp_path / "first")


@pytest.mark.model
def test_a_first_dataset_comes_of_it(tmp_path: Path) -> None:
    """The whole command as a newcomer types it, in an empty folder; with two tasks, for the time it takes."""
    recipe = write_quickstart(tmp_path / "quickstart")
    short = recipe.read_text().replace("limit: 6", "limit: 1").replace("limit: 3", "limit: 1")
    recipe.write_text(short.replace("max_tokens: 64", "max_tokens: 16").replace("shrink   ", "best_effort   "))
    command = [sys.executable, "-m", "infogap", "quickstart"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode in (0, 4), ran.stderr
    assert (tmp_path / "runs" / "quickstart" / "dataset" / "README.md").is_file()
    said = " ".join(ran.stdout.split())
    assert (
        "This shows the steps at work, not the effect of privilege: the teacher is a model of 135M parameters" in said
    )
