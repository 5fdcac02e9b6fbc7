"""What `check_sources` finds before anything is made, each with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from infogap.recipe import load_recipe
from infogap.tasks.source_check import check_sources
from tasks.small_recipes import task_recipe, write_jsonl

_GOOD = """\
  - {from: sums.jsonl, where: family = 'x'}
  - {from: org/name, config: main, revision: v1}
  - {from: reasoning_gym, names: [chain_sum], count: 2, level: 1, config: {chain_sum: {max_terms: 3}}}"""


def test_good_sources_have_no_problem(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "sums.jsonl", [])
    assert check_sources(task_recipe(tmp_path, _GOOD)) == []


@pytest.mark.parametrize(
    ("source", "path", "message"),
    [
        ("{from: sum.jsonl}", "from", "sum.jsonl (did you mean 'sums.jsonl'?)"),
        ("{from: no/such/folder.jsonl}", "from", "there is no folder"),
        ("{from: ./sums}", "from", "there is no file"),
        ("{from: sums.txt}", "from", "unknown file type '.txt'; known: .jsonl, .json, .csv, .parquet"),
        ("{from: sums.jsonl, where: famly = 'x'}", "where", 'unable to find column "famly"'),
        ("{from: sums.jsonl, config: main}", "config", "`config` is for datasets, and sums.jsonl is a file"),
        ("{from: reasoning_gym, names: [gcd, lmc], count: 1}", "names[1]", "(did you mean 'lcm'?)"),
        ("{from: reasoning_gym, names: [gcd], count: 1, level: 50}", "level", "'gcd' has levels 0 to"),
        ("{from: reasoning_gym, names: [gcd], count: 1, config: {gdc: {}}}", "config.gdc", "(did you mean 'gcd'?)"),
        (
            "{from: reasoning_gym, names: [gcd], count: 1, config: {gcd: {min_number: 1}}}",
            "config.gcd.min_number",
            "(did you mean 'min_numbers'?); allowed: ",
        ),
        (
            "{from: reasoning_gym, names: [gcd], count: 1, config: {gcd: {min_value: 50, max_value: 2}}}",
            "config.gcd",
            "cannot make 'gcd' with these settings",
        ),
    ],
)
def test_problems_name_their_place(tmp_path: Path, source: str, path: str, message: str) -> None:
    write_jsonl(tmp_path / "sums.jsonl", [])
    (tmp_path / "sums.txt").touch()
    (problem,) = check_sources(task_recipe(tmp_path, f"  - {{from: sums.jsonl}}\n  - {source}"))
    assert problem.where == f"{tmp_path / 'recipe.yaml'}:5"
    assert problem.path == f"tasks[1].{path}"
    assert message in problem.message


def test_imports_are_checked_too(tmp_path: Path) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text("name: trial\nimport:\n  - from: traces.jsonl\n    columns: {trace: text}\n")
    (problem,) = check_sources(load_recipe(file))
    assert str(problem).startswith(f"{file}:3: import[0].from: there is no file {tmp_path / 'traces.jsonl'}")
