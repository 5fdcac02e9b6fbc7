"""What a first recipe makes of a file: options and the answers that count them, gold answers beside a chat, endings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from imports.agent_rows import TOOLS, conversation
from imports.small_imports import table_of
from infogap.errors import InputError
from infogap.imports.samples import LIKELIHOODS
from infogap.imports.stage import STAGE as IMPORT
from infogap.recipe import load_recipe
from infogap.rows.recipe_from_file import first_recipe
from infogap.runs.run_folder import Run
from infogap.schema import TRACE_TURNS, TRACES
from infogap.tasks import STAGE as TASKS
from tasks.small_recipes import import_run, task_run, tasks_of, write_jsonl

NUMBERS = [{"question": f"What is {n} + 4?", "options": ["0", str(n + 3), str(n + 4), str(n + 5)]} for n in range(5)]
INSTRUCTION = "Think step by step, and give the number alone."


def run_of(folder: Path, rows: list[dict[str, Any]], name: str = "rows.jsonl") -> Run:
    """The run of the recipe that is written for a file of these rows."""
    write_jsonl(folder / name, rows)
    (folder / "recipe.yaml").write_text(first_recipe(name, folder, folder))
    return Run.create(load_recipe(folder / "recipe.yaml"), folder / "run")


def letters_of(run: Run) -> list[str]:
    TASKS.make(run)
    tasks = tasks_of(run)
    assert set(tasks["verifier"]) == {"choice"}
    assert all("\nA) 0\n" in question for question in tasks["question"])
    return tasks["answer"].to_list()


@pytest.mark.parametrize(
    "golds", [["C"] * 5, [2] * 4 + [0], [3] * 4 + [4], [str(n + 4) for n in range(5)]], ids=["letter", "0", "1", "text"]
)
def test_options_are_mapped_and_answers_that_count_them_become_letters(tmp_path: Path, golds: list[Any]) -> None:
    rows = [row | {"answer": gold} for row, gold in zip(NUMBERS, golds, strict=True)]
    assert letters_of(run_of(tmp_path, rows))[:4] == ["C"] * 4


def test_options_in_columns_of_their_own_letters(tmp_path: Path) -> None:
    rows = [
        {"question": row["question"], **dict(zip("ABCD", row["options"], strict=True)), "answer": "C"}
        for row in NUMBERS
    ]
    assert letters_of(run_of(tmp_path, rows)) == ["C"] * 5


def test_numbers_that_may_count_from_0_or_from_1_are_left_to_the_user(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "rows.jsonl", [row | {"answer": 2} for row in NUMBERS])
    with pytest.raises(InputError, match=r"numbers .2 to 2. and the options have letters"):
        first_recipe("rows.jsonl", tmp_path, tmp_path)


def test_answers_that_count_the_options_are_no_texts_of_theirs(tmp_path: Path) -> None:
    """Number 0 is the text of option A in every row, and would be taken for it."""
    write_jsonl(tmp_path / "rows.jsonl", [row | {"answer": n % 4} for n, row in enumerate(NUMBERS)])
    run = task_run(tmp_path, "  - {from: rows.jsonl, columns: {options: options}, verifier: choice}")
    with pytest.raises(InputError, match=r"count the options from 0, write .*ABCDEFGHIJ\"\[answer"):
        TASKS.make(run)


def test_a_choice_without_options_is_said(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "rows.jsonl", [{"question": "Which is prime?", "answer": "D"}])
    outcome = TASKS.make(task_run(tmp_path, "  - {from: rows.jsonl, verifier: choice}"))
    assert any("1 of 1 questions offer no options" in note for note in outcome.notes)


def test_a_column_that_says_whether_the_model_thinks_is_no_thought(tmp_path: Path) -> None:
    turns = [{"role": "user", "content": "3 + 3?"}]
    rows = [{"input": turns, "output": "<think>Six.</think>6", "reasoning": "on", "answer": "6"}]
    rows.append({"input": turns, "output": "6", "reasoning": "off", "answer": "6"})
    run = run_of(tmp_path, rows)
    TASKS.make(run)
    IMPORT.make(run)
    assert table_of(run, TRACES)["reasoning"].to_list() == ["Six.", ""]


def test_gold_answers_beside_a_chat_are_mapped(tmp_path: Path) -> None:
    chat = [{"role": "user", "content": "3 + 3?"}, {"role": "assistant", "content": r"\boxed{7}"}]
    run = run_of(tmp_path, [{"messages": chat, "answer": "6"}])
    TASKS.make(run)
    assert tasks_of(run)["answer"].to_list() == ["6"]
    write_jsonl(tmp_path / "other.jsonl", [{"messages": chat, "ground_truth": "6"}])
    with pytest.raises(InputError, match="no row has 'answer', but they have 'ground_truth'"):
        TASKS.make(import_run(tmp_path, "  - {from: other.jsonl, format: messages}"))


def test_columns_that_a_format_does_not_know_are_mapped_too(tmp_path: Path) -> None:
    row = {
        "data_source": "made",
        "prompt": [{"role": "user", "content": "3 + 4?"}],
        "reward_model": {"ground_truth": "7"},
        "extra_info": {"solution": "Three and four are seven.", "level": 2},
    }
    run = run_of(tmp_path, [row])
    TASKS.make(run)
    (task,) = tasks_of(run).to_dicts()
    assert (task["solution"], task["difficulty"], task["family"]) == ("Three and four are seven.", "2", "made")


@pytest.mark.parametrize("chat", [False, True])
def test_an_instruction_at_the_end_of_every_question_is_taken_off(tmp_path: Path, chat: bool) -> None:
    texts = [f"What is {n} + 4?\n\n{INSTRUCTION}" for n in range(6)]
    rows: list[dict[str, Any]] = [{"question": text, "answer": "4"} for text in texts]
    if chat:
        turns = [[{"role": "user", "content": text}] for text in texts]
        rows = [{"data_source": "made", "prompt": turn, "reward_model": {"ground_truth": "4"}} for turn in turns]
    run = run_of(tmp_path, rows)
    TASKS.make(run)
    assert sorted(tasks_of(run)["question"]) == [f"What is {n} + 4?" for n in range(6)]


def test_an_instruction_that_stays_is_said(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "rows.jsonl", [{"question": f"What is {n}? {INSTRUCTION}", "answer": "4"} for n in range(6)])
    outcome = TASKS.make(task_run(tmp_path, "  - {from: rows.jsonl}"))
    assert any(f'`strip_suffix: "{INSTRUCTION}"` removes it' in note for note in outcome.notes)


def _harness(**changes: Any) -> dict[str, Any]:
    arguments = {"gen_args_0": {"arg_0": "3 + 4?", "arg_1": {}}}
    row = {"doc_id": 0, "doc": {}, "target": "7", "arguments": arguments, "resps": [["It is 7."]], "metrics": ["match"]}
    return row | changes


def test_samples_that_stand_there_for_every_filter_are_taken_once(tmp_path: Path) -> None:
    rows = [_harness(filter=name, match=float(name == "flexible")) for name in ("strict", "flexible")]
    run = run_of(tmp_path, rows, "samples_made.jsonl")
    TASKS.make(run)
    assert IMPORT.make(run).rows == 1
    with pytest.raises(InputError, match=r"every sample 2 times, once for each `filter` .flexible, strict."):
        TASKS.make(import_run(tmp_path, "  - {from: samples_made.jsonl, format: lm_eval}"))


def test_likelihoods_of_continuations_are_no_traces(tmp_path: Path) -> None:
    rows = [_harness(), _harness(doc_id=1, target=0, resps=[[["-1.5", "False"]], [["-0.2", "True"]]])]
    run = run_of(tmp_path, rows, "samples_made.jsonl")
    TASKS.make(run)
    outcome = IMPORT.make(run)
    assert outcome.rows == 1
    assert any(LIKELIHOODS in note for note in outcome.notes)


def test_what_cannot_be_guessed_says_what_is_there(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "rows.jsonl", [{"problem": "3 + 4?", "solution": "It is seven."}])
    with pytest.raises(InputError, match="question in `problem`, solution in `solution`"):
        first_recipe("rows.jsonl", tmp_path, tmp_path)


@pytest.mark.parametrize("name", ["messages", "chat"])
def test_definitions_of_tools_beside_a_conversation_are_mapped(tmp_path: Path, name: str) -> None:
    rows = [{"messages": conversation(), "tools": TOOLS, "answer": "42"}]
    if name == "chat":
        rows = [{"prompt": "6 * 7?", "completion": conversation()[2:], "tools": TOOLS, "answer": "42"}]
    run = run_of(tmp_path, rows)
    TASKS.make(run)
    IMPORT.make(run)
    assert run.scan(TRACE_TURNS).collect()["tools"].null_count() == 0
    assert run.rows(TRACE_TURNS) == 1
