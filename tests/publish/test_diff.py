"""Two datasets compared: the same traces chosen otherwise, effects with their intervals, splits."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from balance.mix_runs import make_mix, make_run, trace
from cli.in_process import infogap
from infogap.publish import STAGE
from infogap.publish.diff import difference
from infogap.runs.run_folder import Run


def published(folder: Path, balance: str, publish: str = "{}", **values: Any) -> Run:
    """A published run of 30 tasks, each with two traces under each of two privileges."""
    traces = [
        trace(f"t{n:02d}", privilege=privilege, verdict="correct" if n % (2 + rich) else "wrong", score=1.0, **values)
        for n in range(30)
        for rich, privilege in enumerate(("unguided", "solution"))
        for _ in range(2)
    ]
    questions = {f"t{n:02d}": f"Task {n}?" for n in range(30)}
    run = make_run(folder, f"{balance}\npublish: {publish}", traces, questions)
    make_mix(run)
    STAGE.make(run)
    return run


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return published(tmp_path_factory.mktemp("wide"), "{size: 14, max_per_task: 1}")


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The same traces as in `wide`, of which the mix takes those under one privilege."""
    return published(tmp_path_factory.mktemp("narrow"), "{size: 14, max_per_task: 1, privilege: {unguided: 1}}")


def test_the_same_traces_chosen_otherwise(wide: Run, narrow: Run) -> None:
    found = difference(wide.path, narrow.path)
    chosen = found.configs["sft"]["only_first"]
    assert chosen == found.configs["sft"]["only_second"] > 0
    assert found.same_traces and not found.same
    assert found.in_short == f"the same traces, {chosen} rows chosen otherwise"
    assert found.configs["traces"] == {"both": 120, "only_first": 0, "only_second": 0}
    assert found.effects == []
    assert difference(wide.path, wide.path).in_short == "the same dataset"


def test_several_mixes_are_named(tmp_path: Path) -> None:
    mixes = "{mixes: {a: {size: 14, max_per_task: 1}, b: {size: %s}}}"
    one, other = published(tmp_path / "one", mixes % 10), published(tmp_path / "other", mixes % 12)
    found = difference(one.path, other.path)
    assert found.same_traces
    assert found.chosen_otherwise["a"] == 0 < found.chosen_otherwise["b"]
    assert found.in_short == f"the same traces, {found.chosen_otherwise['b']} rows of `b` chosen otherwise"


def test_other_texts_of_the_same_traces_are_told_from_other_traces(tmp_path: Path) -> None:
    one, other = published(tmp_path / "one", "{}"), published(tmp_path / "other", "{}", response="No.")
    found = difference(one.path, other.path)
    assert found.same_traces is False
    assert found.in_short == "the same traces, with other texts or measurements"
    changed = replace(found, configs={"traces": {"both": 119, "only_first": 1, "only_second": 0}})
    assert changed.in_short == "other traces"


def test_without_all_traces_it_is_not_known_whether_they_are_the_same(tmp_path: Path) -> None:
    one = published(tmp_path / "one", "{size: 14, max_per_task: 1}", "{configs: [sft]}")
    other = published(tmp_path / "other", "{size: 10}")
    found = difference(one.path, other.path)
    assert found.same_traces is None and found.in_short == "different datasets"
    assert (found.configs_only_first, found.configs_only_second) == ([], ["traces"])


def test_effects_are_compared_with_their_intervals(tmp_path: Path) -> None:
    one, other = published(tmp_path / "one", "{}"), published(tmp_path / "other", "{}")
    file = other.path / "dataset" / "infogap.json"
    made = json.loads(file.read_bytes())
    row = next(row for row in made["effects"] if row["of"] == "score" and row["low"] is not None)
    was = f"{row['mean']:.4g} ({row['low']:.4g} to {row['high']:.4g}; {row['tasks']} tasks)"
    row |= {"mean": 0.5, "low": 0.25, "high": 0.75}
    file.write_text(json.dumps(made))
    (line,) = difference(one.path, other.path).effects
    assert line == f"solution - unguided, score: {was} -> 0.5 (0.25 to 0.75; 30 tasks)"


def test_rows_in_another_split_are_counted(tmp_path: Path) -> None:
    splits = "{splits: {train: %s, test: %s}}"
    one = published(tmp_path / "one", "{}", splits % (0.8, 0.2))
    other = published(tmp_path / "other", "{}", splits % (0.7, 0.3))
    found = difference(one.path, other.path)
    assert found.other_splits["traces"] == 3 * 4
    assert found.same_traces


def test_the_exit_code_says_whether_they_differ(tmp_path: Path, wide: Run, narrow: Run) -> None:
    one, other = wide.path, narrow.path
    same = infogap("diff", one, one)
    assert (same.returncode, same.stdout.splitlines()[0]) == (0, "the same dataset")
    different = infogap("diff", one, other)
    assert (different.returncode, different.stderr) == (1, "")
    assert different.stdout.startswith("the same traces, ")
    assert "balance.privilege: null -> " in different.stdout
    as_json = infogap("diff", one, other, "--json")
    assert as_json.returncode == 1
    assert json.loads(as_json.stdout)["same_traces"] is True
    quiet = infogap("diff", one, other, "-q")
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (1, "", "")
    assert infogap("diff", one, tmp_path).returncode == 2
