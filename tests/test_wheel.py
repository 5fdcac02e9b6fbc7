"""The wheel: built, installed into a folder of its own, and used without the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
RECIPE = """\
name: installed
import: [{from: rows.jsonl, columns: {question: q, answer: a, trace: t}}]
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, as pip builds it; by the hatchling of the tests' environment."""
    folder = tmp_path_factory.mktemp("wheel")
    build = "import sys, hatchling.build as b; print(b.build_wheel(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", build, str(folder)], cwd=ROOT, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


def test_it_carries_recipe_tasks_and_card(wheel: Path) -> None:
    assert set(zipfile.ZipFile(wheel).namelist()) >= {
        "infogap/quickstart/quickstart.yaml",
        "infogap/quickstart/data/word_problems.jsonl",
        "infogap/quickstart/data/sums_and_legs.jsonl",
        "infogap/cards/dataset.md.jinja",
        "infogap/py.typed",
        "infogap/view/static/index.html",
        "infogap/view/static/start.js",
    }


def test_a_run_works_without_the_checkout(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    install = ["-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--target", str(site), str(wheel)]
    subprocess.run([sys.executable, *install], check=True, capture_output=True)
    (tmp_path / "rows.jsonl").write_text('{"q": "What is 1 + 1?", "a": "2", "t": "Perhaps \\\\boxed{2}."}\n')
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    environment = os.environ | {"PYTHONPATH": str(site)}

    def python(*arguments: str) -> str:
        command = [sys.executable, *arguments]
        ran = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    assert python("-c", "import infogap; print(infogap.__file__)").startswith(str(site))
    python("-m", "infogap", "run", "recipe.yaml")
    assert (tmp_path / "runs" / "installed" / "dataset" / "README.md").is_file()
    assert python("-m", "infogap", "status", "installed", "--json").count('"done"') == 8
    python("-m", "infogap", "init", "other.yaml")
    assert (tmp_path / "other.yaml").is_file()
