"""A question of several turns, in every format: kept whole, or refused by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from infogap import plugins
from infogap.errors import InputError
from infogap.publish.export import export
from infogap.runs.pipeline import run_all
from infogap.runs.run_folder import Run
from tasks.small_recipes import import_run, write_jsonl

TURNS = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Hello!"},
    {"role": "assistant", "content": "Hi."},
    {"role": "user", "content": "What is 1 + 1?"},
]
CONTEXT = "A hint: count on your fingers."
ALL = plugins.names("exports")
PAIRED = tuple(name for name in ALL if name.endswith(("dpo", "recovery")))
TEXTS = ("Be brief.", "Hello!", "Hi.", "What is 1 + 1?", "\\boxed{2}")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("turns")
    rows = [
        {"chat": [*TURNS, {"role": "assistant", "content": f"<think>So.</think>\\boxed{{{given}}}"}]}
        | {"answer": "2", "context": CONTEXT, "privilege": "hint"}
        for given in (2, 3)
    ]
    write_jsonl(folder / "a.jsonl", rows)
    columns = "{question: chat, trace: chat, context: context, privilege: privilege}"
    run = import_run(
        folder,
        f"  - {{from: a.jsonl, columns: {columns}, verifier: numeric}}\n"
        "dedupe: null\nbalance: {verdict: {correct: 0.5, wrong: 0.5}}",
    )
    run_all(run)
    return run


def written(run: Run, folder: Path, form: str) -> list[dict[str, Any]]:
    ending = plugins.load("exports", form).suffixes[0]
    export(run, folder / f"file{ending}", form)
    if ending == ".parquet":
        return pl.read_parquet(folder / "file.parquet").to_dicts()
    return [json.loads(line) for line in (folder / "file.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("form", [name for name in ALL if name != "axolotl-kto"])
def test_every_turn_is_there(run: Run, tmp_path: Path, form: str) -> None:
    rows = written(run, tmp_path, form)
    texts = json.dumps(rows, ensure_ascii=False).replace("\\\\", "\\")
    prompts_alone = form in ("verl", "verl-privileged", "trl-sdft", "ms-swift-opsd")
    for text in TEXTS[:-1] if prompts_alone else TEXTS:
        assert text in texts
    assert len(rows) == (1 if form in PAIRED or prompts_alone else 2)


def test_the_teachers_prompt_takes_the_place_of_the_last_question(run: Run, tmp_path: Path) -> None:
    (row,) = written(run, tmp_path, "ms-swift-opsd")
    assert row["messages"] == TURNS
    assert row["teacher_prompt"] == f"What is 1 + 1?\n\n{CONTEXT}"


def test_a_format_of_single_questions_refuses(run: Run, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="axolotl's KTO takes one question and one answer"):
        export(run, tmp_path / "file.jsonl", "axolotl-kto")
    assert not list(tmp_path.iterdir())
