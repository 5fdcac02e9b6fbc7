"""From a recipe to pairs across privileges and repeated rows, by the whole pipeline and a server that is scripted."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from datasets import load_dataset

import infogap
from servers.scripted import Body, Reply, ScriptedServer, completion, replying

Serving = Callable[[ScriptedServer], str]
FILLER = "We add the two numbers one after the other and look at the sum. "


def solver() -> ScriptedServer:
    """Doubts where it sees no answer, is confident where it does, and errs by its seed."""

    def script(body: Body, _before: int) -> Reply | None:
        text, seed = "".join(message["content"] for message in body["messages"]), body["seed"]
        number = int(text.split("What is ")[1].split(" ")[0])
        guided = "final answer:" in text.lower()
        doubt = "" if guided else "Wait, perhaps I should check that. Hmm, maybe not. "
        answer = 2 * number if seed % 2 == 0 else 0
        return replying(completion(rf"{doubt}{FILLER * (1 + seed % 3)}Try {seed}. So it is \boxed{{{answer}}}."))

    return ScriptedServer(script)


def recipe(folder: Path, url: str, **publish: Any) -> dict[str, Any]:
    tasks = [{"question": f"What is {n} + {n}?", "answer": str(2 * n), "family": f"f{n % 2}"} for n in range(1, 9)]
    (folder / "tasks.jsonl").write_text("\n".join(map(json.dumps, tasks)))
    return {
        "name": "demo",
        "seed": 3,
        "tasks": [{"from": str(folder / "tasks.jsonl"), "columns": {"family": "family"}}],
        "teacher": {"backend": "openai", "model": "m", "base_url": url, "concurrency": 4},
        "generate": {"samples": 6, "privileges": ["unguided", "answer"]},
        "dedupe": None,
        "balance": {"leak": "keep", "mixes": {"coverage": {"tasks": [1, 4], "per_task": 1}}},
        "publish": publish,
    }


@pytest.mark.usefixtures("up_to_the_dataset")
@pytest.mark.parametrize("by", ["verdict", "band"])
def test_pairs_and_repeated_rows_of_nested_mixes(tmp_path: Path, serving: Serving, by: str) -> None:
    preference = {"chosen": {"privilege": "unguided"}, "rejected": {"privilege": "answer"}, "by": by, "length": 0.5}
    asked = recipe(
        tmp_path, serving(solver()), configs=["preference", "rl"], preference=preference, rl={"repeat_to": 10}
    )
    run = infogap.Run.create(asked, tmp_path / "run")
    run.update(quiet=True)

    def load(config: str) -> list[dict[str, Any]]:
        rows = load_dataset(str(tmp_path / "run" / "dataset"), config, split="train", cache_dir=str(tmp_path / "cache"))
        listed: list[dict[str, Any]] = rows.to_list()
        return listed

    for tasks in (1, 4):
        pairs, rows = load(f"tasks-{tasks}-preference"), load(f"tasks-{tasks}-rl")
        drawn = Counter(row["extra_info"]["task_id"] for row in rows)
        assert len(rows) == 10
        assert len(drawn) == tasks
        assert max(drawn.values()) - min(drawn.values()) <= 1
        assert pairs and {pair["task_id"] for pair in pairs} <= set(drawn)
        for pair in pairs:
            assert (pair["chosen_privilege"], pair["rejected_privilege"]) == ("unguided", "answer")
            assert "perhaps" in pair["chosen"][0]["content"]
            assert "perhaps" not in pair["rejected"][0]["content"]
            lengths = sorted((pair["chosen_words"], pair["rejected_words"]))
            assert lengths[1] <= 1.5 * lengths[0]
            if by == "verdict":
                assert (pair["chosen_verdict"], pair["rejected_verdict"]) == ("correct", "wrong")
            else:
                assert pair["verdict"] == "correct"
                assert pair["chosen_band"] != pair["rejected_band"] == "confident"
    one, four = ({row["extra_info"]["task_id"] for row in load(f"tasks-{tasks}-rl")} for tasks in (1, 4))
    assert one < four
