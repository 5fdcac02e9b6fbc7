"""Every named mapping reads a row of its layout, is recognised by it, and gives a recipe that works."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from infogap.errors import UserError
from infogap.imports.stage import STAGE as IMPORT
from infogap.recipe import RecipeError, dump_recipe, load_recipe
from infogap.recipe.named_formats import format_names, load_format
from infogap.rows import recipe_from_file
from infogap.rows.format_recognition import recognise
from infogap.rows.recipe_from_file import first_recipe
from infogap.runs.run_folder import Run
from infogap.schema import STATED_VERDICTS, TRACES
from infogap.tasks import STAGE as TASKS
from tasks.small_recipes import import_run, task_run, tasks_of, write_jsonl

_FORMATS = Path(recipe_from_file.__file__).parent / "formats"
R1_MARKS = (
    "<|begin_of_thought|>\n\nThree and four.\n\n<|end_of_thought|>\n\n"
    "<|begin_of_solution|>\n\n\\boxed{7}\n\n<|end_of_solution|>"
)
TASK_ROWS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "gsm8k": (
        "train.jsonl",
        {"question": "Three pens and four pens?", "answer": "3 + 4 = <<3+4=7>>7 pens.\n#### 7"},
        {"question": "Three pens and four pens?", "answer": "7", "solution": "3 + 4 = <<3+4=7>>7 pens.\n#### 7"},
    ),
    "aqua": (
        "aqua.json",
        {
            "question": "What is 3 + 4?",
            "options": ["A)6", "B)7", "C)8", "D)9", "E)10"],
            "rationale": "Three and four are seven. Answer: B",
            "correct": "B",
        },
        {"question": "What is 3 + 4?\n\nA) 6\nB) 7\nC) 8\nD) 9\nE) 10", "answer": "B"},
    ),
    "mmlu": (
        "test.parquet",
        {
            "question": "What is 3 + 4?",
            "subject": "elementary_mathematics",
            "choices": ["6", "7", "8", "9"],
            "answer": 1,
        },
        {"question": "What is 3 + 4?\n\nA. 6\nB. 7\nC. 8\nD. 9", "answer": "B", "family": "elementary_mathematics"},
    ),
    "mmlu_pro": (
        "pro.jsonl",
        {
            "question_id": 1,
            "question": "What is 3 + 4?",
            "options": ["6", "7", "8"],
            "answer": "B",
            "answer_index": 1,
            "category": "math",
        },
        {"question": "What is 3 + 4?\n\nA. 6\nB. 7\nC. 8", "answer": "B", "family": "math"},
    ),
    "gpqa": (
        "gpqa.csv",
        {
            "Question": "Which is the lightest?\n",
            "Correct Answer": "hydrogen\n",
            "Incorrect Answer 1": "neon",
            "Incorrect Answer 2": "argon",
            "Incorrect Answer 3": "helium",
            "Explanation": "One proton.",
            "High-level domain": "Chemistry",
        },
        {
            "question": "Which is the lightest?\n\n\nA. argon\nB. helium\nC. hydrogen\nD. neon",
            "answer": "C",
            "family": "Chemistry",
            "solution": "One proton.",
        },
    ),
    "math": (
        "test.jsonl",
        {
            "problem": "What is $3+4$?",
            "solution": "It is $\\boxed{7}$.",
            "answer": "7",
            "subject": "Prealgebra",
            "level": 1,
            "unique_id": "test/prealgebra/1.json",
        },
        {"question": "What is $3+4$?", "answer": "7", "family": "Prealgebra", "difficulty": "1"},
    ),
    "verl": (
        "train.parquet",
        {
            "data_source": "dapo",
            "prompt": [{"role": "user", "content": "What is 3 + 4?"}],
            "reward_model": {"style": "rule", "ground_truth": "7"},
        },
        {"question": "What is 3 + 4?", "answer": "7", "family": "dapo"},
    ),
}

_CHAT = {"index": 0, "message": {"role": "assistant", "content": "\\boxed{7}"}, "finish_reason": "stop"}
TRACE_ROWS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "openthoughts": (
        "thoughts.parquet",
        {
            "system": "Your role is to think.",
            "conversations": [{"from": "user", "value": "What is 3 + 4?"}, {"from": "assistant", "value": R1_MARKS}],
        },
        {"question": "What is 3 + 4?", "answer": None, "teacher": "unknown", "samples": 1},
    ),
    "openthoughts_metadata": (
        "metadata.parquet",
        {
            "problem": "What is 3 + 4?",
            "deepseek_reasoning": "Three and four.",
            "deepseek_solution": "\\boxed{7}",
            "ground_truth_solution": "They are seven.",
            "domain": "math",
        },
        {
            "question": "What is 3 + 4?",
            "answer": None,
            "solution": "They are seven.",
            "reasoning": ["Three and four."],
            "response": ["\\boxed{7}"],
            "teacher": "DeepSeek-R1",
            "family": "math",
        },
    ),
    "open_r1": (
        "open_r1.parquet",
        {
            "problem": "What is 3 + 4?",
            "solution": "They are seven.",
            "answer": "7",
            "problem_type": "Algebra",
            "generations": ["<think>\nHm.\n</think>\n\n\\boxed{7}", "<think>\nSo.\n</think>\n\n\\boxed{8}"],
            "correctness_math_verify": [True, False],
            "finish_reasons": ["stop", "length"],
        },
        {
            "answer": "7",
            "reasoning": ["Hm.", "So."],
            "response": ["\\boxed{7}", "\\boxed{8}"],
            "finish_reason": ["stop", "length"],
            "stated": ["true", "false"],
            "teacher": "DeepSeek-R1",
            "family": "Algebra",
        },
    ),
    "s1": (
        "s1K.parquet",
        {
            "question": "What is 3 + 4?",
            "solution": "7",
            "source_type": "made",
            "thinking_trajectories": ["Three and four."],
            "attempt": "\\boxed{7}",
        },
        {"answer": None, "reasoning": ["Three and four."], "response": ["\\boxed{7}"], "solution": "7"},
    ),
    "s1_1": (
        "s1K-1.1.parquet",
        {
            "question": "What is 3 + 4?",
            "solution": "7",
            "source_type": "made",
            "deepseek_thinking_trajectory": "Three and four.",
            "deepseek_attempt": "\\boxed{7}",
            "deepseek_grade": "Yes",
        },
        {"reasoning": ["Three and four."], "response": ["\\boxed{7}"], "stated": ["Yes"], "teacher": "DeepSeek-R1"},
    ),
    "limo": (
        "limo.jsonl",
        {"question": "What is 3 + 4?", "solution": "Wait, 3 and 4.\n\n**Final Answer** \\boxed{7}", "answer": "7"},
        {"answer": "7", "response": ["Wait, 3 and 4.\n\n**Final Answer** \\boxed{7}"]},
    ),
    "lm_eval": (
        "samples_made_2026-01-01T00-00-00.000000.jsonl",
        {
            "doc_id": 0,
            "doc": {"q": "What is 3 + 4?"},
            "target": "7",
            "arguments": {"gen_args_0": {"arg_0": "Question: What is 3 + 4?\nAnswer:", "arg_1": {"until": ["\n\n"]}}},
            "resps": [["It is 7.", "It is 8."]],
            "filtered_resps": ["7"],
            "metrics": ["exact_match"],
            "exact_match": 1.0,
        },
        {"question": "Question: What is 3 + 4?\nAnswer:", "answer": "7", "response": ["It is 7.", "It is 8."]},
    ),
    "openai_batch": (
        "output.jsonl",
        {
            "id": "batch_1",
            "custom_id": "one",
            "response": {
                "status_code": 200,
                "body": {
                    "model": "made-1",
                    "choices": [_CHAT, _CHAT | {"index": 1, "finish_reason": "length"}],
                    "usage": {"completion_tokens": 90},
                },
            },
            "error": None,
        },
        {
            "question": "What is 3 + 4?",
            "response": ["\\boxed{7}", "\\boxed{7}"],
            "finish_reason": ["stop", "length"],
            "teacher": "made-1",
            "tokens": [None, None],  # 90 is the sum of both
        },
    ),
    "verl_rollouts": (
        "10.jsonl",
        {
            "input": "system\nYou are helpful.\nuser\nWhat is 3 + 4?\nassistant\n",
            "output": "<think>\nHm.\n</think>\n\n\\boxed{7}",
            "gts": "7",
            "score": 1.0,
            "step": 10,
        },
        {"question": "What is 3 + 4?", "answer": "7", "reasoning": ["Hm."], "stated": ["1"]},
    ),
    "sharegpt": (
        "chats.json",
        {
            "id": "1",
            "conversations": [
                {"from": "human", "value": "Hello!"},
                {"from": "gpt", "value": "Hello."},
                {"from": "human", "value": "What is 3 + 4?"},
                {"from": "gpt", "value": "7"},
            ],
        },
        {"question": "User: Hello!\n\nAssistant: Hello.\n\nUser: What is 3 + 4?", "response": ["7"], "answer": None},
    ),
    "messages": (
        "chats.jsonl",
        {
            "messages": [
                {"role": "user", "content": "What is 3 + 4?"},
                {"role": "assistant", "content": "7", "reasoning_content": "Three and four."},
            ]
        },
        {"question": "What is 3 + 4?", "response": ["7"], "reasoning": ["Three and four."]},
    ),
    "alpaca": (
        "alpaca.json",
        {"instruction": "Add the numbers.", "input": "3, 4", "output": "7"},
        {"question": "Add the numbers.\n\n3, 4", "response": ["7"], "answer": None},
    ),
}
INSPECT = {
    "id": 1,
    "epoch": 1,
    "input": "What is 3 + 4?",
    "target": ["7"],
    "messages": [
        {"role": "user", "content": "attachment://abc"},
        {
            "role": "assistant",
            "content": [{"type": "reasoning", "reasoning": "Three and four."}, {"type": "text", "text": "\\boxed{7}"}],
        },
    ],
    "output": {"model": "made-1", "choices": [{"stop_reason": "stop"}], "usage": {"output_tokens": 12}},
    "scores": {"match": {"value": "C", "answer": "7"}},
    "attachments": {"abc": "What is 3 + 4? Box the answer."},
}


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
    with pytest.raises(UserError, match=r"none of its columns looks like a question.*it has x"):
        first_recipe("a.jsonl", tmp_path, tmp_path)


def test_a_batch_without_its_input_says_what_is_missing(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "output.jsonl", [TRACE_ROWS["openai_batch"][1]])
    with pytest.raises(UserError, match="holds a batch's output without its questions"):
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
