"""reasoning-gym's tasks are made, and made again to be scored."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from infogap.errors import InputError
from infogap.rows import reasoning_gym as gym
from infogap.tasks import STAGE
from tasks.small_recipes import task_run, tasks_of

# Of every category one or two, among them those that answer without a gold answer or take odd settings.
_NAMES = (
    "acre, ab, boxnet, chain_sum, course_schedule, gcd, graph_color, gsm_symbolic, knights_knaves, leg_counting, "
    "letter_counting, rearc, rubiks_cube, simple_equations, simple_geometry, time_intervals, coin_flip"
)


def test_every_task_is_made_again_from_its_metadata(tmp_path: Path) -> None:
    run = task_run(tmp_path, f"  - {{from: reasoning_gym, names: [{_NAMES}], count: 3}}")
    outcome = STAGE.make(run)
    gym._dataset.cache_clear()
    gym._entry.cache_clear()
    tasks = tasks_of(run).to_dicts()
    for task in tasks:
        dataset, entry = gym.entry(orjson.loads(task["metadata"])["gym"])
        assert entry["question"] == task["question"]
        if task["answer"] is not None:
            assert dataset.score_answer(entry["answer"], entry) == 1.0
    assert {task["family"] for task in tasks if task["answer"] is None} == {"boxnet", "graph_color", "rubiks_cube"}
    assert outcome.counts["without_answer"] > 0
    assert any("boxnet, graph_color, rubiks_cube" in note for note in outcome.notes)
    assert {task["family"] for task in tasks if task["solution"] is not None} == {"gsm_symbolic"}
    assert {task["verifier"] for task in tasks} == {"gym"}
    assert {task["source"] for task in tasks} == {f"reasoning_gym/{name}" for name in _NAMES.split(", ")}


def test_tasks_are_the_same_in_another_process(tmp_path: Path) -> None:
    run = task_run(tmp_path, f"  - {{from: reasoning_gym, names: [{_NAMES}], count: 2}}")
    STAGE.make(run)
    script = (
        "import sys, orjson, polars\nfrom infogap.rows.reasoning_gym import entry\n"
        "for task in polars.read_parquet(sys.argv[1]).to_dicts():\n"
        "    assert entry(orjson.loads(task['metadata'])['gym'])[1]['question'] == task['question'], task['family']\n"
    )
    command = [sys.executable, "-c", script, str(run.path / "tasks" / "part-00000.parquet")]
    subprocess.run(command, check=True, env={**os.environ, "PYTHONHASHSEED": "4711"}, timeout=120)


def test_the_seed_is_the_recipes_or_the_sources_own(tmp_path: Path) -> None:
    def questions(more: str, seed: int) -> list[str]:
        run = task_run(tmp_path, f"  - {{from: reasoning_gym, names: [chain_sum], count: 4{more}}}", seed)
        STAGE.make(run)
        return tasks_of(run)["question"].to_list()

    assert questions("", 1) == questions("", 1)
    assert questions("", 1) != questions("", 2)
    assert questions(", seed: 3", 1) == questions(", seed: 3", 2)


def test_a_larger_count_keeps_the_tasks_of_a_smaller(tmp_path: Path) -> None:
    found = []
    for count in (3, 6):
        run = task_run(tmp_path, f"  - {{from: reasoning_gym, names: [chain_sum], count: {count}}}")
        STAGE.make(run)
        found.append(tasks_of(run)["task_id"].to_list())
    assert found[1][:3] == found[0]


def test_levels_and_settings(tmp_path: Path) -> None:
    run = task_run(
        tmp_path,
        "  - {from: reasoning_gym, names: [chain_sum], count: 5, level: 2, config: {chain_sum: {min_terms: 4}}}\n"
        "  - {from: reasoning_gym, names: [gsm_symbolic], count: 1}",
    )
    STAGE.make(run)
    tasks = tasks_of(run)
    assert tasks["difficulty"].to_list() == ["2"] * 5 + ["1"]
    settings = orjson.loads(tasks["metadata"][0])["gym"]["config"]
    assert settings == {"min_terms": 4, "max_terms": 4, "min_digits": 1, "max_digits": 3}
    assert all(question.count("+") + question.count(" - ") == 3 for question in tasks["question"][:5])


def test_repeated_entries_are_merged_and_noted(tmp_path: Path) -> None:
    source = "{from: reasoning_gym, names: [coin_flip], count: 9, config: {coin_flip: {min_trials: 3, max_trials: 3}}}"
    outcome = STAGE.make(task_run(tmp_path, f"  - {source}"))
    counts = outcome.counts["sources"][0]
    assert counts["rows"] == 9
    assert counts["tasks"] + counts["merged"] == 9


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("names: [chain_sums]", "no dataset 'chain_sums' (did you mean 'chain_sum'?)"),
        ("names: [composite]", "'composite' cannot be used"),
        ("names: [word_ladder]", "makes different tasks in another process"),
        ("names: [chain_sum], level: 99", "'chain_sum' has levels 0 to 10, found 99"),
        ("names: [gsm_symbolic], level: 1", "'gsm_symbolic' has no curriculum"),
        (
            "names: [chain_sum], config: {chain_sum: {max_term: 3}}",
            "no 'max_term' (did you mean 'max_terms'?); allowed",
        ),
        ("names: [chain_sum], config: {chain_sum: {size: 3}}", "the number of tasks is the source's `count`"),
        ("names: [chain_sum], config: {chain_sum: {max_terms: 1}}", "max_terms must be >= min_terms"),
        ("names: [modulo_grid], level: 1", "cannot make 'modulo_grid' with these settings"),
    ],
)
def test_settings_that_do_not_work(tmp_path: Path, source: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        STAGE.make(task_run(tmp_path, f"  - {{from: reasoning_gym, {source}, count: 2}}"))
    assert message in str(caught.value)
