"""Tasks that are conversations: the context is in the last turn, and the turns before it are sent as they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pytest

from infogap.generate.request_plan import Plan
from infogap.generate.show_prompt import prompt_of
from infogap.recipe import load_recipe
from infogap.runs.pipeline import run_all
from infogap.runs.run_folder import Run
from infogap.schema import CONTEXTS, TASKS, TRACES
from infogap.tasks import STAGE as TASKS_STAGE
from infogap.tasks.write_tasks import REJECTED
from servers.scripted import Body, Reply, ScriptedServer, completion, replying
from servers.serve import serve
from tasks.small_recipes import write_jsonl

BEFORE = [
    {"role": "system", "content": "You are a tutor."},
    {"role": "user", "content": "Hello! What is 2 + 2?"},
    {"role": "assistant", "content": "It is 4."},
]
LAST = {"role": "user", "content": "And 20 + 22?"}
ASK = "Put your final answer in \\boxed{}."


def rightly(body: Body, _before: int) -> Reply:
    long = "20 + 22" in body["messages"][-1]["content"]
    return replying(completion("20 + 22 = 40 + 2 = 42. So \\boxed{42}." if long else "1 + 1 = 2, so \\boxed{2}."))


def make_run(folder: Path, url: str = "http://127.0.0.1:9/v1") -> Run:
    rows: list[dict[str, Any]] = [
        {"chat": [*BEFORE, LAST], "answer": "42"},
        {"chat": [{"role": "user", "content": "What is 1 + 1?"}], "answer": "2"},
        {"chat": [LAST, BEFORE[0]], "answer": "42"},
    ]
    write_jsonl(folder / "chats.jsonl", rows)
    file = folder / "recipe.yaml"
    file.write_text(
        "name: chats\nseed: 1\ntasks: [{from: chats.jsonl, columns: {question: chat}, verifier: numeric}]\n"
        f"teacher: {{backend: openai, base_url: '{url}', model: scripted}}\n"
        f"generate: {{samples: 1, instruction: '{ASK}', privileges: [unguided, answer]}}\n"
        "dedupe: null\npublish: {version: 0.1.0, configs: [sft, traces, privileged]}\n"
    )
    return Run.create(load_recipe(file), folder / "run")


def test_the_context_is_in_the_last_turn_and_the_others_are_sent_as_they_are(tmp_path: Path) -> None:
    server = ScriptedServer(rightly)
    with serve(server.app) as url:
        run = make_run(tmp_path, f"{url}/v1")
        run_all(run)
    sent = [body["messages"] for body in server.bodies]
    conversations = [messages for messages in sent if len(messages) > 1]
    assert len(conversations) == 2
    assert all(messages[:-1] == BEFORE and messages[-1]["role"] == "user" for messages in conversations)
    unguided, guided = sorted((messages[-1]["content"] for messages in conversations), key=len)
    assert unguided == f"And 20 + 22?\n\n{ASK}"
    assert guided.startswith("And 20 + 22?\n\n") and guided.endswith(ASK) and "42" in guided
    assert "tutor" not in guided and "2 + 2" not in guided
    contexts = run.scan(CONTEXTS).collect()["text"]
    assert any(text in guided for text in contexts)
    published = pl.read_parquet(run.path / "dataset" / "data" / "sft" / "*.parquet")["messages"].to_list()
    (messages,) = {json.dumps(each[:-1]) for each in published if len(each) > 2}
    assert json.loads(messages) == [*BEFORE, {"role": "user", "content": f"And 20 + 22?\n\n{ASK}"}]
    prompts = pl.read_parquet(run.path / "dataset" / "data" / "privileged" / "*.parquet")["prompt"].to_list()
    assert json.loads(messages) in prompts


def test_a_prompt_that_does_not_end_with_a_question_is_rejected(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    TASKS_STAGE.make(run)
    rejected = pl.read_parquet(run.path / TASKS.name / REJECTED)
    assert rejected.select("row", "reason").rows() == [
        (3, "the question is a conversation whose last turn is not the user's")
    ]
    shown = prompt_of(run, "answer", _task_of_turns(run))
    assert shown.startswith("System: You are a tutor.\n\nUser: Hello!")
    assert shown.endswith(ASK)


def _task_of_turns(run: Run) -> str:
    tasks = run.scan(TASKS).filter(pl.col("question").str.contains("tutor")).collect()
    return str(tasks["task_id"][0])


def test_single_questions_are_one_message_as_before(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    TASKS_STAGE.make(run)
    plan = Plan(run)
    with run.rewrite(CONTEXTS) as out:
        plan.settle(out)
    single = [each.request.messages for each in plan if each.task_id != _task_of_turns(run)]
    assert [len(messages) for messages in single] == [1, 1]
    assert single[0] == [{"role": "user", "content": f"What is 1 + 1?\n\n{ASK}"}]


def test_a_pulled_run_asks_the_same_question(tmp_path: Path) -> None:
    from infogap.publish.restore_run import restore

    with serve(ScriptedServer(rightly).app) as url:
        run = make_run(tmp_path, f"{url}/v1")
        run_all(run)
    (tmp_path / "pulled").mkdir()
    (run.path / "dataset").rename(tmp_path / "pulled" / "dataset")
    restore(tmp_path / "pulled", "me/chats", "v0.1.0")
    pulled = Run.create(load_recipe(tmp_path / "pulled" / "recipe.yaml"), tmp_path / "pulled")
    turns = [orjson.loads(text).get("turns") for text in pulled.scan(TASKS).collect()["metadata"]]
    assert [*BEFORE, LAST] in turns
    assert pulled.rows(TRACES) == run.rows(TRACES)


@pytest.mark.parametrize("wording", ["infogap", "kim2026"])
def test_every_wording_ends_with_the_last_turn(tmp_path: Path, wording: str) -> None:
    from infogap.privileges.prompt_messages import teacher_messages

    task = {"question": "all turns", "metadata": json.dumps({"turns": [*BEFORE, LAST]})}
    messages = teacher_messages(task, "The final answer:\n42", ASK, wording)
    assert messages[:-1] == BEFORE
    assert LAST["content"] in messages[-1]["content"] and "all turns" not in messages[-1]["content"]
