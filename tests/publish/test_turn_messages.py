"""Traces that call tools are published turn by turn, and come back from `datasets` as they were imported."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import datasets
import orjson
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imports.agent_rows import QUESTION, TOOLS, Message, conversation, conversations, row, said
from infogap import plugins
from infogap.errors import InputError
from infogap.publish.export import export
from infogap.recipe import load_recipe
from infogap.runs.pipeline import run_all
from infogap.runs.run_folder import Run
from infogap.schema import CONTEXTS, MEASURES, TASKS, TRACE_TURNS, TRACES
from tasks.small_recipes import import_run, write_jsonl

CHAT = "columns: {question: messages, trace: messages, tools: tools%s}, verifier: numeric"
FIELDS = "publish: {version: 0.1.0, thinking: field, configs: [sft, traces]}"
SECRET = (
    "Take the six long rows at the window first and count seven seats in each single one of them, then add up the "
    "seats of all the rows one after another until none of them is left out, and write down the sum"
)
WITH_CALLS = ("axolotl", "messages", "ms-swift", "trl-sft", "unsloth", "verl-sft")


def published(folder: Path, rows: list[dict[str, Any]], publish: str = FIELDS, columns: str = "") -> Run:
    write_jsonl(folder / "a.jsonl", rows)
    run = import_run(folder, f"  - {{from: a.jsonl, {CHAT % columns}}}\ndedupe: null\n{publish}")
    run.save_recipe()
    run_all(run)
    return run


def loaded(run: Run, config: str, cache: Path) -> list[dict[str, Any]]:
    data = datasets.load_dataset(str(run.path / "dataset"), config, split="train", cache_dir=str(cache))
    return list(data)


def plain(message: Message) -> Message:
    """A message without its null fields."""
    return {key: value for key, value in message.items() if value is not None}


def test_messages_and_tools_come_back_as_they_were(tmp_path: Path) -> None:
    chat = [said("user", "1 + 1?"), said("assistant", "\\boxed{2}")]
    run = published(tmp_path, [row(conversation()), row(chat, tools=None, answer="2")])
    by_size = {len(each["messages"]): each for each in loaded(run, "sft", tmp_path / "cache")}
    assert [plain(each) for each in by_size[8]["messages"]] == conversation()
    assert json.loads(by_size[8]["tools"]) == TOOLS
    assert [plain(each) for each in by_size[2]["messages"]] == chat
    assert by_size[2]["tools"] is None
    arguments = [call["function"]["arguments"] for each in by_size[8]["messages"] for call in each["tool_calls"] or []]
    assert [json.loads(text) for text in arguments] == [{"a": 6, "b": 7}, {"words": ["seat", "row"]}, {"words": []}]
    turns = {each["turns"] for each in loaded(run, "traces", tmp_path / "cache")}
    assert {text and json.dumps(orjson.loads(text)) for text in turns} == {None, json.dumps(conversation()[2:])}
    files = str(run.path / "dataset" / "data" / "sft" / "*.parquet")
    rows = datasets.load_dataset("parquet", data_files=files, split="train", cache_dir=str(tmp_path / "cache"))
    features = rows.features.copy()  # as docs/training.md says
    features["messages"].feature["tool_calls"].feature["function"]["arguments"] = datasets.Json()
    features["tools"] = datasets.Json()
    (objects,) = (each for each in rows.cast(features) if len(each["messages"]) == 8)
    assert [call["function"]["arguments"] for each in objects["messages"] for call in each["tool_calls"] or []] == list(
        map(json.loads, arguments)
    )
    assert objects["tools"] == TOOLS
    card = (run.path / "dataset" / "README.md").read_text()
    assert "Only the assistant's turns are the teacher's" in card


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(conversations(), min_size=1, max_size=5, unique_by=json.dumps))
def test_any_conversation_comes_back_as_it_was(chats: list[list[Message]]) -> None:
    with TemporaryDirectory() as folder:
        run = published(Path(folder), [row(chat, answer=None) for chat in chats], columns=", answer: null")
        back = pl.read_parquet(run.path / "dataset" / "data" / "sft" / "*.parquet")["messages"]
        found = [[plain(message) for message in messages] for messages in back]
        assert sorted(map(json.dumps, map(sorted_keys, found))) == sorted(map(json.dumps, map(sorted_keys, chats)))


def sorted_keys(messages: list[Message]) -> Any:
    return json.loads(json.dumps(messages, sort_keys=True))


@pytest.mark.parametrize(
    ("publish", "first"),
    [
        ("", "<think>\nHmm, rows times seats.\n</think>\n\nLet me compute it."),
        ("publish: {thinking: drop}", "Let me compute it."),
    ],
)
def test_thoughts_of_each_turn_are_in_the_form_that_is_asked_for(tmp_path: Path, publish: str, first: str) -> None:
    run = published(tmp_path, [row(conversation())], publish)
    (messages,) = pl.read_parquet(run.path / "dataset" / "data" / "sft" / "*.parquet")["messages"].to_list()
    assert messages[2]["content"] == first
    assert messages[-1]["content"] == "So \\boxed{42}."


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("calls")
    return published(folder, [row(conversation()), row(conversation("It is \\boxed{42}."))])


def test_only_formats_that_keep_messages_hold_calls() -> None:
    formats = [plugins.load("exports", name) for name in plugins.names("exports")]
    assert tuple(sorted(each.name for each in formats if each.calls_tools)) == WITH_CALLS


@pytest.mark.parametrize("form", WITH_CALLS)
def test_trainers_files_hold_the_calls_and_the_tools(run: Run, tmp_path: Path, form: str) -> None:
    ending = plugins.load("exports", form).suffixes[0]
    in_field = not plugins.load("exports", form).no_field
    export(run, tmp_path / f"file{ending}", form, thinking="field" if in_field else "inline")
    if ending == ".parquet":
        rows = pl.read_parquet(tmp_path / "file.parquet").to_dicts()
    else:
        rows = [json.loads(line) for line in (tmp_path / "file.jsonl").read_text().splitlines()]
    for each in rows:
        assert json.loads(each["tools"]) == TOOLS
        messages = [plain(message) for message in each.get("messages") or each["conversations"]]
        assert [len(message.get("tool_calls", ())) for message in messages] == [0, 0, 2, 0, 0, 1, 0, 0]
        assert messages[3] == said("tool", "42\n", tool_call_id="c1")
        if in_field:
            assert messages[:-1] == conversation()[:-1]


@pytest.mark.parametrize("form", ["prompt-completion", "sharegpt", "alpaca", "trl-kto", "llamafactory-sharegpt"])
def test_other_formats_refuse_in_one_line(run: Run, tmp_path: Path, form: str) -> None:
    with pytest.raises(InputError, match=f"{form} has no place for calls of tools.*export as axolotl, messages") as why:
        export(run, tmp_path / "file.jsonl", form, thinking="inline")
    assert "\n" not in str(why.value)
    assert not list(tmp_path.iterdir())


def test_check_refuses_configs_of_single_answers(tmp_path: Path) -> None:
    file = tmp_path / "recipe.yaml"
    source = f"{{from: a.jsonl, {CHAT % ''}}}"
    file.write_text(f"name: a\nseed: 1\nimport: [{source}]\npublish: {{configs: [sft, steps]}}\n")
    with pytest.raises(InputError, match=r"publish\.configs: `steps` holds single answers"):
        load_recipe(file)


def test_a_result_that_repeats_the_context_is_published_and_a_copy_by_the_teacher_is_not(tmp_path: Path) -> None:
    fine, leaking = conversation(), conversation()
    fine[3]["content"] = f"42. {SECRET}"
    fine[-1]["content"] = f"The tool says: {SECRET}. \\boxed{{42}}"
    leaking[2]["content"] = f"{SECRET}."
    rows = [row(each, context=SECRET, privilege="solution") for each in (fine, leaking)]
    run = published(tmp_path, rows, FIELDS, ", context: context, privilege: privilege")
    leaks = dict(run.scan(MEASURES).select("trace_id", "leak").collect().iter_rows())
    said_last = dict(run.scan(TRACES).select("trace_id", "response").collect().iter_rows())
    assert {said_last[trace_id]: leak for trace_id, leak in leaks.items()} == {
        fine[-1]["content"]: False,
        leaking[-1]["content"]: True,
    }
    (messages,) = pl.read_parquet(run.path / "dataset" / "data" / "sft" / "*.parquet")["messages"].to_list()
    assert [plain(each) for each in messages] == fine
    withheld = pl.read_parquet(run.path / "dataset" / "data" / "traces" / "*.parquet").filter("leak")
    assert withheld.select("response", "reasoning", "turns").rows() == [("", None, None)]
    assert run.rows(CONTEXTS) == 1


def test_a_context_in_the_arguments_of_a_call_is_not_published(tmp_path: Path) -> None:
    chat = conversation()
    chat[2]["tool_calls"][0]["function"]["arguments"] = json.dumps({"a": 6, "note": SECRET})
    with pytest.raises(InputError, match="nothing was published, as it would include privileged text"):
        published(
            tmp_path,
            [row(chat, context=SECRET, privilege="solution")],
            FIELDS,
            ", context: context, privilege: privilege",
        )


def test_lines_of_a_context_in_the_arguments_of_a_call_are_found_where_turns_are_json(tmp_path: Path) -> None:
    chat = conversation()
    chat[2]["tool_calls"][0]["function"]["arguments"] = json.dumps({"a": 6, "note": SECRET.replace(" ", "\n")})
    only_traces = FIELDS.replace("[sft, traces]", "[traces]")
    with pytest.raises(InputError, match=r"1 row of `traces` \(turns: .*shown under `solution`"):
        published(
            tmp_path,
            [row(chat, context=SECRET, privilege="solution")],
            only_traces,
            ", context: context, privilege: privilege",
        )


def test_a_restored_run_publishes_the_same_conversations(tmp_path: Path) -> None:
    from infogap.publish.restore_run import restore

    run = published(tmp_path, [row(conversation()), row([said("user", QUESTION), said("assistant", "\\boxed{42}")])])
    (tmp_path / "pulled").mkdir()
    (run.path / "dataset").rename(tmp_path / "pulled" / "dataset")
    restore(tmp_path / "pulled", "me/calls", "v0.1.0")
    pulled = Run.create(load_recipe(tmp_path / "pulled" / "recipe.yaml"), tmp_path / "pulled")
    before, after = (each.scan(TRACE_TURNS).sort("trace_id").collect() for each in (run, pulled))
    assert before.equals(after)
    questions = [sorted(each.scan(TASKS).collect()["question"]) for each in (run, pulled)]
    assert questions[0] == questions[1]
    turns = [orjson.loads(text).get("turns") for text in pulled.scan(TASKS).collect()["metadata"]]
    assert conversation()[:2] in turns
