"""From a recipe to wrong attempts with corrected ones, by the whole pipeline and a server that is scripted."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from datasets import load_dataset

import infogap
from servers.scripted import Body, Reply, ScriptedServer, completion, replying

Serving = Callable[[ScriptedServer], str]
SEEN = "An earlier attempt of your own (verdict: wrong):\n"


def learner() -> ScriptedServer:
    """Errs at first; of two attempts that it is shown it always learns, of one only if its seed is even."""

    def script(body: Body, _before: int) -> Reply | None:
        prompt, seed = body["messages"][-1]["content"], body["seed"]
        number = int(prompt.split("What is ")[1].split(" ")[0])
        attempts = prompt.count(SEEN)
        answer = 2 * number if attempts > 1 or (attempts == 1 and seed % 2 == 0) else 2 * number + 1
        return replying(completion(rf"I count {seed} times and find \boxed{{{answer}}}."))

    return ScriptedServer(script)


@pytest.mark.usefixtures("up_to_the_dataset")
@pytest.mark.parametrize("verdict", ["bare", "answer"])
def test_each_corrected_attempt_follows_the_one_that_its_teacher_saw(
    tmp_path: Path, serving: Serving, verdict: str
) -> None:
    tasks = [{"question": f"What is {n} + {n}?", "answer": str(2 * n)} for n in range(11, 19)]
    (tmp_path / "tasks.jsonl").write_text("\n".join(map(json.dumps, tasks)))
    server = learner()
    asked: dict[str, Any] = {
        "name": "demo",
        "seed": 3,
        "tasks": [{"from": str(tmp_path / "tasks.jsonl")}],
        "teacher": {"backend": "openai", "model": "m", "base_url": serving(server), "concurrency": 4},
        "generate": {"samples": 2, "privileges": ["unguided", {"verifier": {"turns": 2, "verdict": verdict}}]},
        "dedupe": None,
        "balance": {"leak": "keep"},
        "publish": {
            "configs": ["recovery", "recovery_trace", "sft"],
            "splits": {"train": 0.75, "test": 0.25},
        },
    }
    infogap.Run.create(asked, tmp_path / "run").update(quiet=True)
    prompts = [body["messages"][-1]["content"] for body in server.bodies]
    tasks_of: dict[str, set[str]] = {}
    for split in ("train", "test"):
        rows = load_dataset(
            str(tmp_path / "run" / "dataset"), "recovery", split=split, cache_dir=str(tmp_path / "cache")
        )
        assert rows.num_rows == 2 * {"train": 6, "test": 2}[split]
        tasks_of[split] = {row["task_id"] for row in rows}
        for row in rows:
            question, attempt, said = (turn["content"] for turn in row["prompt"])
            gold = rf"\boxed{{{2 * int(question.split('What is ')[1].split(' ')[0])}}}"
            assert (row["pairing"], row["right_privilege"]) == ("shown", "verifier")
            assert said == "Verdict: wrong. Try again."
            assert gold in row["completion"][0]["content"] and gold not in attempt + said
            # The request that the corrected attempt answered showed this attempt as the last one.
            seen = [prompt.split(SEEN)[-1] for prompt in prompts if prompt.startswith(question.split("\n")[0])]
            assert any(each.startswith(attempt) for each in seen)
    assert not tasks_of["train"] & tasks_of["test"]
    card = (tmp_path / "run" / "dataset" / "README.md").read_text()
    assert "In 16 of 16 rows the teacher of the corrected attempt had been shown the wrong one" in card
