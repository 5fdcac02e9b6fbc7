"""The recipes after Kim et al. 2026, run whole with the embedded model: matched and nested sets as they load."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import polars as pl
import pytest
from datasets import Dataset, load_dataset

from cli.in_process import infogap

pytestmark = pytest.mark.usefixtures("without_charts")

ROOT = Path(__file__).parents[2]


def dataset_of(section: int, folder: Path) -> Path:
    """Run the recipe of a section as it stands; the folder of its dataset."""
    recipe = ROOT / "recipes" / f"kim2026-section{section}.yaml"
    done = infogap("run", recipe, "--run", "run", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "run" / "dataset"


def loaded(dataset: Path, config: str) -> Dataset:
    return load_dataset(str(dataset), config, split="train")


@pytest.mark.model
def test_section_3_publishes_a_rung_of_the_ladder_each_over_the_same_questions(tmp_path: Path) -> None:
    dataset = dataset_of(3, tmp_path)
    rungs = {
        "unguided": "unguided",
        "no-think": "solution_no_think",
        "solution": "own_solution",
        "regenerated": "regenerated",
    }
    sets = {name: loaded(dataset, name) for name in rungs}
    questions = Counter(sets["unguided"]["task_id"])
    assert questions
    for name, privilege in rungs.items():
        assert Counter(sets[name]["task_id"]) == questions
        assert set(sets[name]["privilege"]) == {privilege}
    traces = loaded(dataset, "traces").to_polars()
    measured = traces.filter(pl.col("privilege") == "own_solution")
    assert measured["completion_tokens"].null_count() == measured["epistemic_count"].null_count() == 0


@pytest.mark.model
def test_section_4_publishes_two_sets_of_correct_traces_over_the_same_questions(tmp_path: Path) -> None:
    dataset = dataset_of(4, tmp_path)
    unguided, solution = loaded(dataset, "sft-unguided"), loaded(dataset, "sft-solution")
    assert unguided.num_rows > 0
    assert sorted(unguided["task_id"]) == sorted(solution["task_id"])
    assert set(unguided["privilege"]) == {"unguided"}
    assert set(solution["privilege"]) == {"own_solution"}
    assert set(unguided["verdict"]) == set(solution["verdict"]) == {"correct"}
    prompts = [{row["task_id"]: row["messages"][0]["content"] for row in each} for each in (unguided, solution)]
    assert prompts[0] == prompts[1]  # the student's, without what the teacher was shown


@pytest.mark.model
def test_section_6_publishes_sets_of_equal_size_over_ever_more_questions(tmp_path: Path) -> None:
    dataset = dataset_of(6, tmp_path)
    sets = {tasks: loaded(dataset, f"tasks-{tasks}") for tasks in (1, 2, 4)}
    for tasks, each in sets.items():
        assert each.num_rows == 4
        assert set(Counter(each["task_id"]).values()) == {4 // tasks}
        assert len(set(loaded(dataset, f"tasks-{tasks}-rl").to_polars()["extra_info"].struct.field("task_id"))) == tasks
    assert set(sets[1]["task_id"]) < set(sets[2]["task_id"]) < set(sets[4]["task_id"])
