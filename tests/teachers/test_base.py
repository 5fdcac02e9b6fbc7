"""Backends: infogap's own are registered, and the one of docs/extending.md works from a package of its own."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from infogap import plugins
from infogap.api.check_recipe import checked
from infogap.errors import InputError, StoppedError
from infogap.publish.redaction import public_recipe
from infogap.recipe import RecipeError
from infogap.runs.budget import Budget
from infogap.runs.pipeline import run_one, states
from infogap.runs.run_folder import Run
from infogap.schema import TRACES

_PAGE = Path(__file__).parents[2] / "docs" / "extending.md"
RECIPE = """\
name: sums
tasks: [{from: sums.jsonl}]
teacher: {backend: echo, model: parrot, prefix: "Polly: "}
generate: {samples: 2, privileges: [unguided, answer]}
"""

Install = Callable[[str], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Installs the documented package in a folder of its own, in a version; it is gone after the test."""
    section = _PAGE.read_text(encoding="utf-8").partition("## A backend\n")[2].partition("\n## ")[0]
    files = dict(re.findall(r'```\w+ title="([^"]+)"\n(.*?)```', section, re.DOTALL))
    project = tomllib.loads(files["pyproject.toml"])["project"]
    code = files["infogap_echo/__init__.py"]
    assert len(code.splitlines()) <= 25
    (tmp_path / "site" / "infogap_echo").mkdir(parents=True)
    (tmp_path / "site" / "infogap_echo" / "__init__.py").write_text(code)
    metadata = tmp_path / "site" / "infogap_echo-0.dist-info"
    metadata.mkdir()
    entries = project["entry-points"]["infogap.backends"].items()
    (metadata / "entry_points.txt").write_text(
        "[infogap.backends]\n" + "".join(f"{name} = {value}\n" for name, value in entries)
    )

    def installed(version: str) -> None:
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {version}\n")
        plugins._registered.cache_clear()

    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    yield installed
    plugins._registered.cache_clear()
    plugins._loaded.cache_clear()
    sys.modules.pop("infogap_echo", None)


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    rows = [f'{{"question": "What is {number} + {number}?", "answer": "{2 * number}"}}\n' for number in range(1, 6)]
    (tmp_path / "sums.jsonl").write_text("".join(rows))
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    return tmp_path / "recipe.yaml"


def test_a_run_is_generated_and_resumed_with_a_backend_of_another_package(install: Install, recipe: Path) -> None:
    install("1.0")
    run = Run.create(checked(recipe), recipe.parent / "run")
    run_one(run, "tasks")
    with pytest.raises(StoppedError):
        run_one(replace(run, budget=Budget(requests=7)), "generate")
    run_one(run, "generate")
    traces = run.scan(TRACES).collect()
    assert traces.height == 20
    assert traces["trace_id"].n_unique() == 20
    assert set(traces["teacher"]) == {"parrot"}
    assert all(traces["response"].str.starts_with("Polly: What is"))


def test_a_new_version_of_the_package_asks_again(install: Install, recipe: Path) -> None:
    install("1.0")
    run = Run.create(checked(recipe), recipe.parent / "run")
    run_one(run, "tasks")
    run_one(run, "generate")
    before = set(run.scan(TRACES).collect()["trace_id"])
    install("1.1")
    (state,) = (each for each in states(run) if each.stage == "generate")
    assert (state.state, state.why) == ("stale", ['teacher.provider.infogap-echo: "1.0" -> "1.1"'])
    run_one(run, "generate")
    assert before.isdisjoint(run.scan(TRACES).collect()["trace_id"])


def test_the_settings_of_another_package_are_checked_with_their_lines(install: Install, recipe: Path) -> None:
    install("1.0")
    recipe.write_text(RECIPE.replace("prefix", "prefx"))
    with pytest.raises(RecipeError, match=r"recipe.yaml:3: teacher.prefx: unknown key \(did you mean 'prefix'\?\)"):
        checked(recipe)
    recipe.write_text(RECIPE.replace("echo", "eco"))
    with pytest.raises(RecipeError, match=r"teacher.backend: .*openai, vllm, ray, echo \(did you mean 'echo'\?\)"):
        checked(recipe)


def test_of_another_packages_settings_the_common_ones_are_published(install: Install, recipe: Path) -> None:
    install("1.0")
    published = public_recipe(checked(recipe).recipe)["teacher"]
    assert set(published) == {"backend", "model", "sampling"}


def test_a_backend_that_cannot_score_says_so(install: Install, recipe: Path) -> None:
    install("1.0")
    recipe.write_text(RECIPE + "measure: {gap: {scorer: teacher}}\n")
    run = Run.create(checked(recipe), recipe.parent / "run")
    for stage in ("tasks", "generate", "verify"):
        run_one(run, stage)
    with pytest.raises(InputError, match="the backend echo does not score traces"):
        run_one(run, "gap")


def test_a_backend_that_cannot_be_imported_is_a_problem_at_its_line(install: Install, recipe: Path) -> None:
    install("1.0")
    (recipe.parent / "site" / "infogap_echo" / "__init__.py").write_text("import no_such_library\n")
    with pytest.raises(
        RecipeError, match=r"recipe.yaml:3: teacher.backend: 'echo' of the package infogap-echo cannot be"
    ):
        checked(recipe)


@pytest.mark.parametrize("name", ["embedded", "openai", "ray", "vllm"])
def test_infogaps_own_backends_are_registered_like_any_other(name: str) -> None:
    assert plugins.provider("backends", name)[0] == "infogap"
    assert plugins.load("backends", name).name == name
