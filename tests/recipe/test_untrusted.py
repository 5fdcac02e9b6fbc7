"""Recipes from elsewhere: what they may say, and what needs --trust."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from infogap import plugins
from infogap.recipe import Origin, RecipeError, RecipeText, load_recipe, recipe_from_text, yaml_text
from infogap.recipe.untrusted import untrusted_problems
from infogap.recipe.yaml_reading import read_plain

ORIGIN = Origin("https://example.com/recipe.yaml", "0" * 64)
SHIPPED = sorted((Path(__file__).parents[2] / "recipes").glob("*.yaml"))
TEXT = """\
name: demo
tasks:
  - from: data/*.jsonl
    columns: {engine: x, address: y, solution: s}
  - from: [hf://datasets/org/name/x.parquet, "https://example.com/x.parquet"]
teacher:
  backend: vllm
  model: org/model
  engine: {max_model_len: 4096}
generate:
  privileges: [unguided, {"a:b": {template: x}}, {peers: {from: unguided}}, {hint: {steps: 1}}]
measure: {lexicons: [infogap, mine.yaml], gap: {scorer: org/student}}
"""


def problems(folder: Path, text: str) -> list[str]:
    return [".".join(map(str, path)) + f": {why}" for path, why in untrusted_problems(read_plain(text)[0], folder)]


def test_public_data_and_files_below_the_folder_are_allowed(tmp_path: Path) -> None:
    assert problems(tmp_path, TEXT) == []


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_shipped_recipes_need_no_trust(file: Path) -> None:
    assert untrusted_problems(read_plain(file.read_text())[0], file.parent) == []


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("data/*.jsonl", "/etc/passwd", "tasks.0.from: reads a path outside this folder"),
        ("data/*.jsonl", "~/x.jsonl", "tasks.0.from: reads a path outside this folder"),
        ("data/*.jsonl", "data/../../x.jsonl", "tasks.0.from: reads a path outside this folder"),
        ("data/*.jsonl", "link/x.jsonl", "tasks.0.from: reads a path outside this folder"),
        ("data/*.jsonl", "zip://x::/etc/x.zip", "tasks.0.from: reads zip://"),
        ("data/*.jsonl", "file:///etc/passwd", "tasks.0.from: reads file://"),
        ("https://example.com/x", "s3://bucket/x", "tasks.1.from.1: reads s3://"),
        ("https://example.com/x", "simplecache::file:///x", "tasks.1.from.1: reads simplecache::file://"),
        ("org/model", "/models/mine", "teacher.model: reads a path outside this folder"),
        ("max_model_len: 4096", "trust_remote_code: true", "teacher.engine.trust_remote_code: can make vLLM load code"),
        (
            "model: org",
            "api_key_env: HF_TOKEN\n  base_url: https://x\n  model: org",
            "would send the key in HF_TOKEN to",
        ),
        ("model: org", "address: evil:6379\n  model: org", "teacher.address: joins a Ray cluster"),
        ("backend: vllm", "backend: stranger", "teacher.backend: 'stranger' runs code of the package theirs"),
        ("[unguided,", "[mine:thing,", "generate.privileges.0: runs mine:thing, code of your own"),
        ("{hint:", "{mine:thing:", "runs mine:thing"),
        ("  - from: [hf", "    verifier: os:system\n  - from: [hf", "tasks.0.verifier: runs os:system"),
        ("mine.yaml]", "mine.yaml], measures: [m:measure]", "measure.measures.0: runs m:measure"),
        ("mine.yaml", "../mine.yaml", "measure.lexicons.1: reads a path outside this folder"),
        ("name: demo", "name: ${USER}", "name: would read the environment"),
    ],
)
def test_what_needs_trust(tmp_path: Path, old: str, new: str, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "link").symlink_to("/etc")
    names, provider = plugins.names, plugins.provider
    monkeypatch.setattr(plugins, "names", lambda kind: (*names(kind), "stranger"))
    monkeypatch.setattr(
        plugins, "provider", lambda kind, name: ("theirs", "1") if name == "stranger" else provider(kind, name)
    )
    assert TEXT.count(old) == 1
    (problem,) = problems(tmp_path, TEXT.replace(old, new))
    assert expected in problem
    assert problem.endswith("read it, then allow it with --trust")


IMPORT = {
    "name": "demo",
    "import": [{"from": "${DATA_FILE}", "columns": {"question": "q", "trace": "t"}, "verifier": "mine:grade"}],
}


def text_of(data: dict[str, Any], *, trusted: bool, origin: Origin | None = ORIGIN) -> RecipeText:
    return RecipeText(yaml_text(data), "recipe.yaml", origin, trusted)


def test_a_recipe_from_elsewhere_reports_all_of_it_with_lines() -> None:
    with pytest.raises(RecipeError) as caught:
        recipe_from_text(text_of(IMPORT | {"extends": "base.yaml"}, trusted=False), None, {"DATA_FILE": "x.jsonl"})
    lines = [str(problem).split(": ")[:2] for problem in caught.value.problems]
    assert lines == [
        ["recipe.yaml:3", "import[0].from"],
        ["recipe.yaml:7", "import[0].verifier"],
        ["recipe.yaml:8", "extends"],
    ]


def test_a_trusted_one_is_a_recipe_like_any_other_but_whole(tmp_path: Path) -> None:
    loaded = recipe_from_text(text_of(IMPORT, trusted=True), None, {"DATA_FILE": "x.jsonl"})
    assert loaded.origin == ORIGIN
    assert loaded.recipe.import_ is not None and loaded.recipe.import_[0].from_ == "x.jsonl"
    with pytest.raises(RecipeError, match="extends: a recipe from elsewhere has to be whole"):
        recipe_from_text(text_of(IMPORT | {"extends": "base.yaml"}, trusted=True), None, dict(os.environ))


def test_standard_input_is_trusted_as_a_file_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "base.yaml").write_text(yaml_text(IMPORT))
    piped = text_of({"extends": "base.yaml", "name": "own"}, trusted=False, origin=None)
    environment = {"DATA_FILE": "/x.jsonl"}
    (tmp_path / "own.yaml").write_text(piped.text)
    loaded = recipe_from_text(piped, None, environment)
    assert loaded.recipe == load_recipe(tmp_path / "own.yaml", None, environment).recipe
    assert loaded.origin is None
