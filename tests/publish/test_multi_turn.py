"""An imported conversation is published as one: its turns are the prompt, in every config and trainer's file."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl

from infogap.publish.configs.sft import SFT
from infogap.publish.export import export
from infogap.runs.pipeline import run_all
from infogap.runs.run_folder import Run
from infogap.schema import MIX
from tasks.small_recipes import import_run, write_jsonl

TURNS = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Hello!"},
    {"role": "assistant", "content": "Hi."},
    {"role": "user", "content": "What is 1 + 1?"},
]


def test_a_conversation_stays_one(tmp_path: Path) -> None:
    shared = [{"from": "human", "value": "What is 2 + 2?"}, {"from": "gpt", "value": "<think>So.</think>\\boxed{4}"}]
    rows = [
        {"chat": [*TURNS, {"role": "assistant", "content": "\\boxed{2}"}], "answer": "2", "ok": True},
        {"chat": shared, "answer": "4", "ok": False},
    ]
    write_jsonl(tmp_path / "a.jsonl", rows)
    columns = "{question: chat, trace: chat, stated_verdict: ok}"
    run = import_run(
        tmp_path,
        f"  - {{from: a.jsonl, columns: {columns}, verifier: numeric}}\npublish: {{configs: [sft, traces, rl]}}",
    )
    run_all(run)
    published = {row["messages"][-1]["content"]: row["messages"] for rows in _sft(run) for row in rows.to_dicts()}
    assert published["\\boxed{2}"] == [*TURNS, {"role": "assistant", "content": "\\boxed{2}"}]
    assert [turn["role"] for turn in published["<think>\nSo.\n</think>\n\n\\boxed{4}"]] == ["user", "assistant"]
    traces = pl.read_parquet(run.path / "dataset" / "data" / "traces" / "*.parquet")
    assert sorted(traces.select("response", "stated_verdict").rows()) == [
        ("\\boxed{2}", "true"),
        ("\\boxed{4}", "false"),
    ]
    tasks = pl.read_parquet(run.path / "dataset" / "data" / "rl" / "*.parquet")
    assert sorted(len(prompt) for prompt in tasks["prompt"]) == [1, 4]

    export(run, tmp_path / "mix.jsonl", "alpaca")
    exported = {row["output"]: row for row in map(json.loads, (tmp_path / "mix.jsonl").read_text().splitlines())}
    long = exported["\\boxed{2}"]
    assert (long["system"], long["history"], long["instruction"]) == (
        "Be brief.",
        [["Hello!", "Hi."]],
        "What is 1 + 1?",
    )
    export(run, tmp_path / "mix.jsonl", "prompt-completion")
    split = [json.loads(line) for line in (tmp_path / "mix.jsonl").read_text().splitlines()]
    assert sorted(len(row["prompt"]) for row in split) == [1, 4]
    assert all(len(row["completion"]) == 1 for row in split)


def _sft(run: Run) -> list[pl.DataFrame]:
    return list(SFT.rows(run, run.scan(MIX).collect()))
