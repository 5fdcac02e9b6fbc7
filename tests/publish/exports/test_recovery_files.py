"""Wrong and corrected attempts in trainers' files: each trainer is told to train on the corrected answer alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from datasets import load_dataset
from ruamel.yaml import YAML

from infogap import plugins
from infogap.publish.export import export
from infogap.runs.run_folder import Run
from publish.recovery_run import VERDICT, Cell, recovery_run

ALL = tuple(name for name in plugins.names("exports") if name.endswith("recovery"))
QUESTION = "What is 0 + 2?\n\nEnd with the answer in \\boxed{}."
ANSWER = "<think>\nNo, 2.\n</think>\n\nIt is 2."
CELLS: list[Cell] = [
    {"verdict": "wrong", "response": "It is 3.", "reasoning": "Perhaps."},
    {"privilege": "verifier", "shown": [0], "response": "It is 2.", "reasoning": "No, 2."},
]
# How each trainer is told not to train on the wrong answer, as fields of the four messages; None: there is no field.
MASKS: dict[str, tuple[str, list[Any]]] = {
    "messages-recovery": ("weight", [None, 0, None, 1]),
    "axolotl-recovery": ("train", [False, False, False, True]),
    "ms-swift-recovery": ("loss", [None, 0.0, None, 1.0]),
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return recovery_run(tmp_path_factory.mktemp("recovery"), CELLS, configs="sft")


def row_of(run: Run, file: Path, form: str, **asked: Any) -> dict[str, Any]:
    assert export(run, file, form, **asked) == 1
    kind = "json" if file.suffix == ".jsonl" else "parquet"
    (row,) = load_dataset(kind, data_files=str(file), split="train", cache_dir=str(file.parent / "cache"))
    assert (row["wrong_id"], row["right_id"]) == ("trace0", "trace1")
    return dict(row)


def turns_of(row: dict[str, Any]) -> list[dict[str, Any]]:
    turns = row.get("messages") or row.get("conversations") or [*row["prompt"], *row["completion"]]
    return [dict(turn) for turn in turns]


@pytest.mark.parametrize("form", ALL)
def test_a_file_has_the_question_the_attempt_the_verdict_and_the_answer(run: Run, tmp_path: Path, form: str) -> None:
    turns = turns_of(row_of(run, tmp_path / "rows.jsonl", form))
    assert [turn.get("content") or turn["value"] for turn in turns] == [QUESTION, "It is 3.", VERDICT, ANSWER]
    roles = {"human": "user", "gpt": "assistant"}
    named = [turn.get("role") or roles[turn["from"]] for turn in turns]
    assert named == ["user", "assistant", "user", "assistant"]


@pytest.mark.parametrize("form", MASKS)
@pytest.mark.parametrize("ending", [".jsonl", ".parquet"])
def test_the_wrong_answer_is_not_trained_on(run: Run, tmp_path: Path, form: str, ending: str) -> None:
    if ending not in plugins.load("exports", form).suffixes:
        return
    field, values = MASKS[form]
    turns = turns_of(row_of(run, tmp_path / f"rows{ending}", form))
    assert [turn.get(field) for turn in turns] == values


def test_a_message_that_has_no_say_has_no_field(run: Run, tmp_path: Path) -> None:
    export(run, tmp_path / "rows.jsonl", "messages-recovery")
    (row,) = map(json.loads, (tmp_path / "rows.jsonl").read_text().splitlines())
    assert [tuple(turn) for turn in row["messages"]] == [("role", "content"), ("role", "content", "weight")] * 2


def test_trl_has_the_wrong_answer_in_the_prompt(run: Run, tmp_path: Path) -> None:
    row = row_of(run, tmp_path / "rows.parquet", "trl-recovery")
    assert len(row["prompt"]) == 3
    assert [turn["content"] for turn in row["completion"]] == [ANSWER]


def test_axolotl_is_told_to_read_the_field(run: Run, tmp_path: Path) -> None:
    export(run, tmp_path / "rows.jsonl", "axolotl-recovery")
    (dataset,) = YAML(typ="safe").load((tmp_path / "rows.jsonl.axolotl.yaml").read_text())["datasets"]
    assert (dataset["message_field_training"], dataset["roles_to_train"]) == ("train", [])


@pytest.mark.parametrize("form", [name for name in ALL if not plugins.load("exports", name).no_field])
def test_the_thought_of_the_answer_can_have_a_field(run: Run, tmp_path: Path, form: str) -> None:
    for ending in (".jsonl", ".parquet"):
        turns = turns_of(row_of(run, tmp_path / f"rows{ending}", form, thinking="field"))
        assert (turns[3]["content"], turns[3]["reasoning_content"]) == ("It is 2.", "No, 2.")
        assert not turns[1].get("reasoning_content")


def test_a_file_holds_one_split(tmp_path: Path) -> None:
    cells = [cell | {"task": task} for task in range(4) for cell in ({"verdict": "wrong"}, {})]
    run = recovery_run(tmp_path / "run", cells, configs="sft", publish="splits: {train: 0.5, test: 0.5}")
    tasks: list[set[str]] = []
    for split in ("train", "test"):
        file = tmp_path / f"{split}.jsonl"
        export(run, file, "trl-recovery", split=split)
        tasks.append({json.loads(line)["prompt"][0]["content"] for line in file.read_text().splitlines()})
    assert tasks[0] and tasks[1] and not tasks[0] & tasks[1]
