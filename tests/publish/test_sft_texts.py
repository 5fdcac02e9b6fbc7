"""What a student is trained on has one pair of tags around the thought, whatever the trace was written in."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from infogap.recipe import load_recipe
from infogap.runs.pipeline import run_all
from infogap.runs.run_folder import Run
from tasks.small_recipes import write_jsonl

WRITTEN = [
    "<think>\nIs it SUM?\n</think>\n\nIt is \\boxed{SUM}.<｜end▁of▁sentence｜>",
    "<think>Is it</think>\nSo.\n<think>SUM?</think>\nIt is \\boxed{SUM}.",
    "<think>Is <think>it</think> SUM?</think>\n</think>\nIt is \\boxed{SUM}.</s>",
    "<thinking>Is it SUM?</thinking>It is \\boxed{SUM}.<|eot_id|>",
    "<thought>Is it SUM?</thought>It is \\boxed{SUM}.",
    "[THINK]Is it SUM?[/THINK]It is \\boxed{SUM}.",
    "◁think▷Is it SUM?◁/think▷It is \\boxed{SUM}.<|im_end|>",
    "<|begin_of_thought|>Is it SUM?<|end_of_thought|><|begin_of_solution|>It is \\boxed{SUM}.<|end_of_solution|>",
    "<|channel|>analysis<|message|>Is it SUM?<|end|><|start|>assistant<|channel|>final<|message|>It is SUM.<|return|>",
    "<|im_start|>think\nIs it SUM?\n<|im_start|>answer\nIt is \\boxed{SUM}.<|im_end|>",
    "<reasoning>Is it SUM?</reasoning>\n<answer>\nSUM\n</answer>",
    "<think>Is it SUM?</think>\nIt is this:\n<answer>SUM</answer>",
    "Is it SUM?\n</think>\n\nIt is \\boxed{SUM}.",
]
CUT = [
    "<think>Is it \\boxed{SUM}? Wait",
    "<|begin_of_thought|>\n\nIs it \\boxed{SUM}? Wait",
    "[THINK]Is it \\boxed{SUM}? Wait",
    "<|channel|>analysis<|message|>Is it \\boxed{SUM}? Wait",
    "<think>Is it</think>\nSo.\n<think>\\boxed{SUM}? Wait",
]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("sft")
    rows: list[dict[str, Any]] = [
        {"question": f"What is {number} + 100?", "answer": str(number + 100)}
        | {"text": text.replace("SUM", str(number + 100))}
        for number, text in enumerate([*WRITTEN, *CUT])
    ]
    write_jsonl(folder / "rows.jsonl", rows)
    file = folder / "recipe.yaml"
    file.write_text("name: demo\nimport: [{from: rows.jsonl, columns: {trace: text}, privilege: unguided}]\n")
    made = Run.create(load_recipe(file), folder / "run")
    made.save_recipe()
    run_all(made)
    return made


def answers(run: Run) -> list[str]:
    shards: list[Path] = sorted((run.path / "dataset" / "data" / "sft").glob("*.parquet"))
    messages = pl.concat([pl.read_parquet(shard) for shard in shards])["messages"].to_list()
    return [turns[-1]["content"] for turns in messages]


def test_every_whole_answer_is_there_with_one_thought(run: Run) -> None:
    found = answers(run)
    assert len(found) == len(WRITTEN)
    for text in found:
        whole = re.fullmatch(r"<think>\n(.+)\n</think>\n\n(.+)", text, re.DOTALL)
        assert whole is not None
        for part in whole.groups():
            assert not re.search(r"[<>◁▷｜]|\[/?THINK\]", part)


def test_what_was_cut_inside_a_thought_is_truncated_and_nothing_is_a_leak(run: Run) -> None:
    found = run.manifest("mix")
    assert found is not None
    assert found.counts["mixes"]["mix"]["funnel"] == {
        "traces": len(WRITTEN) + len(CUT),
        "losses": [{"reason": "no_response", "detail": "truncated", "traces": len(CUT)}],
        "selected": len(WRITTEN),
    }
