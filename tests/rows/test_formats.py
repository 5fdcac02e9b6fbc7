"""Every named mapping reads a row of its layout, is recognised by it, and gives a recipe that works."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from infogap.errors import InputError
from infogap.imports.stage import STAGE as IMPORT
from infogap.recipe import RecipeError, dump_recipe, load_recipe
from infogap.recipe.named_formats import format_names, load_format
from infogap.rows import recipe_from_file
from infogap.rows.format_recognition import recognise
from infogap.rows.recipe_from_file import first_recipe
from infogap.runs.run_folder import Run
from infogap.schema import STATED_VERDICTS, TRACES
from infogap.tasks import STAGE as TASKS
from rows.format_rows import INSPECT, TASK_ROWS, TRACE_ROWS
from tasks.small_recipes import import_run, task_run, tasks_of, write_jsonl

_FORMATS = Path(recipe_from_file.__file__).parent / "formats"


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Rows as a file of the kind that its suffix says."""
    if path.suffix == ".json":
        path.write_text(json.dumps(rows))
    elif path.suffix == ".parquet":
        pl.DataFrame(rows).write_parquet(path)
    elif path.suffix == ".csv":
        pl.DataFrame(rows).write_csv(path)
    else:
        write_jsonl(path, rows)
    return path


def test_every_format_is_tried_here() -> None:
    assert {*TASK_ROWS, *TRACE_ROWS, "inspect"} == set(format_names())
    assert {path.stem for path in _FORMATS.glob("*.yaml")} == set(format_names())  # each file is registered
    assert all(load_format(name).about for name in format_names())


@pytest.mark.parametrize("name", TASK_ROWS)
def test_tasks_of_a_named_format(tmp_path: Path, name: str) -> None:
    file, row, expected = TASK_ROWS[name]
    write(tmp_path / file, [row])
    run = task_run(tmp_path, f"  - {{from: {file}, format: {name}}}")
    TASKS.make(run)
    (task,) = tasks_of(run).to_dicts()
    assert {key: task[key] for key in expected} == expected


@pytest.mark.parametrize("name", TRACE_ROWS)
def test_traces_of_a_named_format(tmp_path: Path, name: str) -> None:
    file, row, expected = TRACE_ROWS[name]
    write(tmp_path / file, [row])
    join = ""
    if name == "openai_batch":
        asked = {"custom_id": "one", "body": {"messages": [{"role": "user", "content": "What is 3 + 4?"}]}}
        write(tmp_path / "asked.jsonl", [asked])
        join = ", join: {from: asked.jsonl, on: custom_id}"
    check_traces(import_run(tmp_path, f"  - {{from: {file}, format: {name}{join}}}"), expected)


def check_traces(run: Run, expected: dict[str, Any]) -> None:
    """Make a run's tasks and traces, one task's, and compare them with what is expected."""
    TASKS.make(run)
    IMPORT.make(run)
    (task,) = tasks_of(run).to_dicts()
    traces = pl.concat(run.parts(TRACES)).sort("sample").to_dict(as_series=False)
    stated = pl.concat(run.parts(STATED_VERDICTS))["stated_verdict"].to_list()
    found: dict[str, Any] = task | traces | {"teacher": traces["teacher"][0], "samples": len(traces["sample"])}
    found |= {"stated": stated, "tokens": traces["completion_tokens"]}
    assert {key: found[key] for key in expected} == expected


_LOGGED = {
    "question": "What is 3 + 4? Box the answer.",
    "answer": "7",
    "reasoning": ["Three and four."],
    "response": ["\\boxed{7}"],
    "teacher": "made-1",
    "tokens": [12],
    "stated": ["C"],
}


def test_an_inspect_log_in_json(tmp_path: Path) -> None:
    (tmp_path / "log.json").write_text(json.dumps({"version": 2, "eval": {}, "samples": [INSPECT]}))
    assert [one.name for one in recognise("log.json", tmp_path)] == ["inspect"]
    check_traces(import_run(tmp_path, "  - {from: log.json, format: inspect}"), _LOGGED)


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
def test_an_inspect_log_as_an_archive(tmp_path: Path, method: int) -> None:
    with zipfile.ZipFile(tmp_path / "log.eval", "w", method) as archive:
        archive.writestr("header.json", json.dumps({"version": 2}))
        archive.writestr("samples/1_epoch_1.json", json.dumps(INSPECT))
    assert recognise("log.eval", tmp_path)[0].name == "inspect"
    run = import_run(tmp_path, "  - {from: log.eval, format: inspect}")
    check_traces(run, _LOGGED)


@pytest.mark.parametrize("name", [*TASK_ROWS, *TRACE_ROWS])
def test_a_file_is_recognised_and_a_recipe_for_it_runs(tmp_path: Path, name: str) -> None:
    file, row, _ = (TASK_ROWS | TRACE_ROWS)[name]
    write(tmp_path / file, [row])
    if name == "openai_batch":
        asked = {"custom_id": "one", "body": {"messages": [{"role": "user", "content": "What is 3 + 4?"}]}}
        write(tmp_path / "asked.jsonl", [asked])
    assert recognise(file, tmp_path)[0].name == name
    (tmp_path / "recipes").mkdir()
    recipe = tmp_path / "recipes" / "made.yaml"
    recipe.write_text(first_recipe(file, tmp_path, recipe.parent))
    run = Run.create(load_recipe(recipe), tmp_path / "run")
    TASKS.make(run)
    assert tasks_of(run).height == 1


def test_a_recipe_says_more_than_its_format(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "a.jsonl", [{"question": "Q?", "answer": "x #### 7", "gold": "8", "topic": "sums"}])
    run = task_run(
        tmp_path,
        "  - {from: a.jsonl, format: gsm8k, verifier: math, columns: {answer: gold, family: topic, solution: null}}",
    )
    TASKS.make(run)
    (task,) = tasks_of(run).to_dicts()
    assert (task["answer"], task["verifier"], task["family"], task["solution"]) == ("8", "math", "sums", None)
    again = tmp_path / "again.yaml"
    again.write_text(dump_recipe(run.recipe))
    assert load_recipe(again).recipe == run.recipe


def test_a_format_that_there_is_not_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        RecipeError, match=r"recipe.yaml:4: tasks\[0\].format: unknown format 'gsm8' \(did you mean 'gsm8k'"
    ):
        task_run(tmp_path, "  - {from: a.jsonl, format: gsm8}")


def test_columns_are_guessed_where_no_format_fits(tmp_path: Path) -> None:
    rows = [{"problem": "What is 3 + 4?", "gold": 7, "samples": ["7", "8"], "is_correct": [True, False]}]
    (tmp_path / "made.json").write_text(json.dumps({"settings": {}, "results": rows}))
    assert recognise("made.json", tmp_path) == []
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(first_recipe("made.json", tmp_path, tmp_path))
    check_traces(
        Run.create(load_recipe(recipe), tmp_path / "run"),
        {"question": "What is 3 + 4?", "answer": "7", "response": ["7", "8"], "stated": ["true", "false"]},
    )


def test_a_file_without_a_question_is_refused(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "a.jsonl", [{"x": 1}])
    with pytest.raises(InputError, match=r"none of its columns looks like a question.*it has x"):
        first_recipe("a.jsonl", tmp_path, tmp_path)


def test_a_batch_without_its_input_says_what_is_missing(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "output.jsonl", [TRACE_ROWS["openai_batch"][1]])
    with pytest.raises(InputError, match="holds a batch's output without its questions"):
        first_recipe("output.jsonl", tmp_path, tmp_path)


@pytest.mark.parametrize(
    "prompt",
    [
        "system\nYou are helpful.\nuser\nWhat is\n3 + 4?\nassistant\n",
        "user\n\nWhat is\n3 + 4?assistant\n\n",
        "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nWhat is\n3 + 4?<|im_end|>\n"
        "<|im_start|>assistant\n<think>\n",
        "<|start_header_id|>user<|end_header_id|>\n\nWhat is\n3 + 4?<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\n",
        "<｜begin▁of▁sentence｜><｜User｜>What is\n3 + 4?<｜Assistant｜><think>\n",
        "User: What is\n3 + 4?\n\nAssistant:",
        "Human: What is\n3 + 4?\nAssistant:",
    ],
)
def test_the_question_is_read_out_of_a_prompt_as_templates_write_it(tmp_path: Path, prompt: str) -> None:
    write_jsonl(tmp_path / "1.jsonl", [{"input": prompt, "output": "7", "gts": "7", "score": 1.0}])
    run = import_run(tmp_path, "  - {from: 1.jsonl, format: verl_rollouts}")
    TASKS.make(run)
    assert tasks_of(run)["question"].to_list() == ["What is\n3 + 4?"]


@pytest.mark.parametrize(
    ("name", "row", "answers"),
    [
        ("mmlu", TASK_ROWS["mmlu"][1] | {"answer": "C"}, ["C"]),
        ("aqua", TASK_ROWS["aqua"][1] | {"options": ["6", "7", "8", "9", "10"]}, ["B"]),
    ],
)
def test_other_spellings_of_a_layout_are_not_misread(
    tmp_path: Path, name: str, row: dict[str, Any], answers: list[str]
) -> None:
    write_jsonl(tmp_path / "a.jsonl", [row])
    run = task_run(tmp_path, f"  - {{from: a.jsonl, format: {name}}}")
    TASKS.make(run)
    task = tasks_of(run)
    assert task["answer"].to_list() == answers
    assert "7" in task["question"].item().splitlines()[3]
