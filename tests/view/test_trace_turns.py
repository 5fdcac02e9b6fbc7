"""What the page of a trace that calls tools is made of."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from imports.agent_rows import Message, call, row, said
from infogap.imports.stage import STAGE as IMPORT
from infogap.runs.run_folder import Run
from infogap.schema import MEASURES
from infogap.tasks import STAGE as TASKS_STAGE
from infogap.view.exported_pages import export_pages
from infogap.view.run_browser import RunBrowser
from infogap.view.text_marks import MarkerMarks
from infogap.view.trace_turns import shown_tools, shown_turns, turn_marks
from measure.test_turn_pieces import LEXICON
from publish.test_turn_messages import CHAT
from tasks.small_recipes import import_run, write_jsonl
from view.agent_run import QUESTION, SECRET, TOOLS, TURNS, agent_turns, leaking_turns, make_agent_run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return make_agent_run(tmp_path_factory.mktemp("agents"))


def test_turns_are_those_of_the_trace_and_marks_are_those_that_are_counted(run: Run) -> None:
    browser = RunBrowser.open(run)
    measures = {row["trace_id"]: row for row in run.scan(MEASURES).collect().to_dicts()}
    for trace_id in browser.index.trace_ids:
        trace = browser.trace(trace_id)
        messages = agent_turns()[2:] if trace["privilege"] == "unguided" else leaking_turns()[2:]
        assert [turn["role"] for turn in trace["turns"]] == [message["role"] for message in messages]
        for turn, message in zip(trace["turns"], messages, strict=True):
            if turn["role"] != "assistant":
                assert turn["content"] == message["content"]
                continue
            for part, key in (("text", "content"), ("thought", "reasoning_content")):
                place = turn[part]
                assert (trace["text"][place[0] : place[1]] if place else "") == message.get(key, "")
            assert [call["name"] for call in turn["calls"]] == [
                call["function"]["name"] for call in message.get("tool_calls", ())
            ]
        main = {kind["name"] for kind in browser.description()["marker_kinds"] if kind["main"]}
        counted = [mark for mark in trace["marks"] if mark[2] == "marker" and mark[3] in main]
        assert len(counted) == measures[trace_id]["epistemic_count"]
        leaks = [mark for mark in trace["marks"] if mark[2] == "leak"]
        assert len(leaks) == len(measures[trace_id]["leaks"])
    assert sum(turn["role"] == "assistant" for turn in browser.trace(_unguided(browser))["turns"]) == TURNS


def _unguided(browser: RunBrowser) -> str:
    return next(str(each) for each in browser.index.trace_ids if browser.trace(each)["privilege"] == "unguided")


def test_arguments_are_shown_one_by_one() -> None:
    arguments = {"path": "a.py", "text": "one\ntwo", "limit": 10**30, "lines": [1, 2], "deep": {"key": ["x" * 40] * 3}}
    call = {"function": {"name": "edit", "arguments": json.dumps(arguments)}}
    (turn,) = shown_turns([{"role": "assistant", "content": "", "tool_calls": [call]}], "")
    shown = {each["name"]: each["value"] for each in turn["calls"][0]["arguments"]}
    assert (shown["path"], shown["text"], shown["lines"]) == ("a.py", "one\ntwo", "[1, 2]")
    assert shown["limit"] == "1" + "0" * 30
    assert shown["deep"].startswith('{\n  "key": [\n')
    assert [tool["name"] for tool in shown_tools(json.dumps(TOOLS))] == ["read_file", "search", "edit_file"]
    assert shown_tools(None) == []


def test_marks_of_characters_beyond_the_basic_plane_stand_where_they_belong() -> None:
    turns: list[Message] = [
        {"role": "assistant", "content": "\U0001f600 maybe", "tool_calls": []},
        {"role": "tool", "content": "\U0001f600"},
        {"role": "assistant", "content": "maybe"},
    ]
    text = "\U0001f600 maybe\nmaybe"
    assert [turn["text"] for turn in shown_turns(turns, text) if turn["role"] == "assistant"] == [[0, 8], [9, 14]]
    marks = list(turn_marks(turns, text, "?", MarkerMarks([LEXICON]), None))
    assert [(start, end) for start, end, *_ in marks] == [(2, 7), (8, 13)]


def test_a_leaking_trace_is_not_in_exported_pages(run: Run, tmp_path: Path) -> None:
    export_pages(run, tmp_path / "pages", with_contexts=False)
    files = "".join(path.read_text(encoding="utf-8") for path in (tmp_path / "pages" / "data").glob("*.js"))
    assert SECRET not in files
    assert "As the provided solution says" not in files
    assert "shop/totals.py" in files


def test_a_trace_of_calls_alone_shows_them(tmp_path: Path) -> None:
    chat = [said("user", QUESTION), said("assistant", "", tool_calls=[call("read_file", {"path": "a.py"}, "c1")])]
    write_jsonl(tmp_path / "a.jsonl", [row(chat)])
    run = import_run(tmp_path, f"  - {{from: a.jsonl, {CHAT % ''}}}")
    for stage in (TASKS_STAGE, IMPORT):
        stage.make(run)
    browser = RunBrowser.open(run)
    trace = browser.trace(browser.index.trace_ids[0])
    assert trace["text"] == ""
    assert [each["name"] for each in trace["turns"][0]["calls"]] == ["read_file"]
