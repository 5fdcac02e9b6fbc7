"""What docs/view.md says of commands, keys, marks and recipes is so."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from cli.in_process import infogap
from infogap.balance.mix_pool import column_problems
from infogap.recipe import load_recipe
from infogap.runs.run_folder import Run
from infogap.view import PAGES
from infogap.view.run_browser import RunBrowser
from infogap.view.trace_sample import MOST

PAGE = (Path(__file__).parents[2] / "docs" / "view.md").read_text(encoding="utf-8")


def test_its_command_for_a_folder_runs(own_run: Run, tmp_path: Path) -> None:
    (line,) = re.findall(r"^    infogap (view .*--static.*)$", PAGE, re.MULTILINE)
    arguments = [str(own_run.path) if word == "runs/quickstart" else word for word in shlex.split(line)]
    assert infogap(*arguments, cwd=tmp_path).returncode == 0
    assert (tmp_path / "pages" / "index.html").is_file()
    assert f"more than {MOST:,} traces" in PAGE


def test_its_keys_are_those_of_the_pages() -> None:
    documented = set(re.findall(r"`([^`]+)`", "".join(re.findall(r"^\| (`.*?) \|", PAGE, re.MULTILINE)[:6])))
    script = (PAGES / "keys.js").read_text(encoding="utf-8")
    keys = set(re.findall(r'^    "?(\w+|[/?])"?: \(\) =>', script, re.MULTILINE))
    names = {"→": "ArrowRight", "←": "ArrowLeft", "Esc": "Escape"}
    assert {names.get(key, key) for key in documented} == keys
    helped = set(re.findall(r"<kbd>(.*?)</kbd>", (PAGES / "index.html").read_text(encoding="utf-8")))
    assert helped == documented | {"Enter"}


def test_its_marks_are_those_of_a_trace(viewed: Run) -> None:
    browser = RunBrowser.open(viewed)
    layers = {mark[2] for trace_id in browser.index.trace_ids for mark in browser.trace(trace_id)["marks"]}
    layers |= {
        mark[2] for row in browser.listed([], 1)["rows"] for mark in browser.task(row["task_id"])["task"]["marks"]
    }
    assert layers == {"marker", "leak", "copied", "answer", "contaminated"}
    styles = (PAGES / "marks.css").read_text(encoding="utf-8")
    for layer in (*layers, "found"):
        assert f".m-{layer}" in styles


def test_its_condition_is_one_of_a_mix(tmp_path: Path) -> None:
    (balance,) = re.findall(r"```yaml\n(balance:.*?)```", PAGE, re.DOTALL)
    (tmp_path / "recipe.yaml").write_text(f"name: n\nimport: [{{from: t.jsonl, columns: {{trace: t}}}}]\n{balance}")
    run = Run.create(load_recipe(tmp_path / "recipe.yaml"), tmp_path / "run")
    assert list(column_problems(run)) == []


@pytest.mark.parametrize("script", sorted(path.name for path in PAGES.glob("*.js")))
def test_no_script_makes_html_of_a_text(script: str) -> None:
    source = (PAGES / script).read_text(encoding="utf-8")
    for unsafe in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "new Function",
        "setTimeout(",
    ):
        assert unsafe not in source
    assert source.startswith('"use strict";\n//')
