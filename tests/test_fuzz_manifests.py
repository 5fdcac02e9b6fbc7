"""Manifests of any kind: one that is not as infogap wrote it counts as missing, and its stage runs again."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from infogap.cli import command_line

EXAMPLES = int(os.environ.get("INFOGAP_FUZZ", "1000")) // 20
RECIPE = """
name: made
import: [{from: rows.jsonl, columns: {question: q, answer: a, trace: t}, verifier: math}]
balance: {verdict: {correct: 1}}
publish: {repo: org/made}
"""
ROWS = [{"q": f"What is {n} + {n}?", "a": str(2 * n), "t": f"Perhaps it is \\boxed{{{2 * n}}}."} for n in range(6)]
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.just("\ud800"))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=4,
)
READERS = (("status",), ("show",), ("balance", "--plan"), ("measure", "--table"), ("export", "out.jsonl"), ("diff",))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished run."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "rows.jsonl").write_text("\n".join(map(json.dumps, ROWS)))
    (folder / "recipe.yaml").write_text(RECIPE)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        done = CliRunner().invoke(command_line(), ["run", "recipe.yaml", "--run", "run", "-q"])
    assert done.exit_code == 0, done.output
    return folder


def invoke(folder: Path, *arguments: str) -> int:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        done = CliRunner().invoke(command_line(), list(arguments))
    assert done.exit_code in (0, 2, 3, 4), (arguments, done.output)
    return done.exit_code


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in items for place in _places(item, (*path, key)))]


def _changed(draw: st.DataObject, document: Any) -> Any:
    place = draw.draw(st.sampled_from(_places(document)))
    value = draw.draw(VALUES)
    if not place:
        return value
    node = document
    for step in place[:-1]:
        node = node[step]
    node[place[-1]] = value
    return document


@settings(
    max_examples=EXAMPLES, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
)
@given(data=st.data(), command=st.sampled_from(READERS))
def test_any_manifest_is_read_or_its_stage_is_missing(
    data: st.DataObject, command: tuple[str, ...], made: Path
) -> None:
    files = [*sorted((made / "run").glob("*/manifest.json")), made / "run" / "dataset.manifest.json"]
    files += [made / "run" / "dataset" / "infogap.json", made / "run" / "run.json"]
    file = data.draw(st.sampled_from(files))
    before = file.read_bytes()
    file.write_text(json.dumps(_changed(data, json.loads(before))))
    try:
        invoke(made, command[0], "run", *(["run"] if command[0] == "diff" else []), *command[1:])
    finally:
        file.write_bytes(before)
    assert invoke(made, "status", "run") == 0


def test_a_run_with_odd_manifests_is_made_again(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made, tmp_path / "copy")
    files = sorted((tmp_path / "copy" / "run").glob("*/manifest.json"))
    before = [file.read_bytes() for file in files]
    odd: list[dict[str, Any]] = [{"counts": [1]}, {"files": {"a": 1}}, {"inputs": []}, {"part": "x"}, {"rows": None}]
    for number, file in enumerate(files):
        file.write_text(json.dumps(json.loads(before[number]) | odd[number % len(odd)]))
    assert invoke(tmp_path / "copy", "run", "recipe.yaml", "--run", "run", "-q") == 0
    assert [file.read_bytes() for file in files] == before
