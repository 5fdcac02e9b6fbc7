"""Imported conversations that call tools: what is a trace, what is left out and where that is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pytest

from imports.agent_rows import TOOLS, call, conversation, row, said
from imports.small_imports import import_rows, table_of
from infogap.errors import InputError
from infogap.imports.stage import STAGE
from infogap.schema import TASKS, TRACE_TURNS, TRACES
from infogap.tasks import STAGE as TASKS_STAGE
from infogap.tasks.write_tasks import REJECTED

CHAT = "columns: {question: messages, trace: messages, tools: tools}, verifier: numeric"


def test_the_task_ends_with_the_first_question_and_the_rest_is_the_trace(tmp_path: Path) -> None:
    run, outcome = import_rows(
        tmp_path, [row(conversation()), row([said("user", "1?"), said("assistant", "1")], tools=None)], CHAT
    )
    tasks = table_of(run, TASKS)
    assert sorted(tasks["question"]) == ["1?", "System: Use the tools.\n\nUser: How many seats have 6 rows of 7?"]
    traces = {trace["response"]: trace for trace in table_of(run, TRACES).to_dicts()}
    assert traces["So \\boxed{42}."]["reasoning"] == "Hmm, rows times seats.\nLet me compute it."
    (turns,) = table_of(run, TRACE_TURNS).to_dicts()
    assert turns["trace_id"] == traces["So \\boxed{42}."]["trace_id"]
    assert orjson.loads(turns["turns"]) == conversation()[2:]
    assert orjson.loads(turns["tools"]) == TOOLS
    assert outcome.counts["sources"][0]["calling_tools"] == 1
    assert any("1 traces call tools" in note for note in outcome.notes)


def test_a_row_that_cannot_be_read_is_rejected_by_its_number(tmp_path: Path) -> None:
    broken = conversation()
    broken[2]["tool_calls"][0]["function"]["arguments"] = "6, 7"
    lost = [said("user", "2?"), said("tool", "2"), said("assistant", "2")]
    run, _ = import_rows(tmp_path, [row(conversation()), row(broken), row(lost)], CHAT)
    rejected = pl.read_parquet(run.path / TASKS.name / REJECTED)
    assert rejected.select("row", "reason").rows() == [
        (2, "a tool call whose arguments are no JSON object"),
        (3, "a tool's result without a call"),
    ]
    assert table_of(run, TRACES).height == 1


def test_a_trace_in_a_column_of_its_own_is_counted_with_the_reason(tmp_path: Path) -> None:
    trace = conversation()[2:]
    rows: list[dict[str, Any]] = [
        {"problem": "6 * 7?", "answer": "42", "trace": trace, "tools": json.dumps(TOOLS)},
        {"problem": "6 * 7?", "answer": "42", "trace": [*trace, said("tool", "1", tool_call_id="c9")], "tools": None},
        {"problem": "6 * 7?", "answer": "42", "trace": trace, "tools": "none"},
    ]
    run, outcome = import_rows(
        tmp_path, rows, "columns: {question: problem, trace: trace, tools: tools}, verifier: numeric"
    )
    (turns,) = table_of(run, TRACE_TURNS).to_dicts()
    assert orjson.loads(turns["turns"]) == trace
    assert outcome.counts["sources"][0]["left_out"] == {
        "a tool's result without a call": 1,
        "tools that are no list of definitions": 1,
    }
    firsts = "row 2: a tool's result without a call; row 3: tools that are no list of definitions"
    assert any(note.endswith(firsts) for note in outcome.notes)


def test_an_answer_that_calls_none_of_its_tools_keeps_their_definitions(tmp_path: Path) -> None:
    rows = [row([said("user", "1 + 1?"), said("assistant", "<think>So.</think>\\boxed{2}")])]
    run, outcome = import_rows(tmp_path, rows, CHAT)
    (turns,) = table_of(run, TRACE_TURNS).to_dicts()
    assert orjson.loads(turns["turns"]) == [said("assistant", "\\boxed{2}", reasoning_content="So.")]
    assert orjson.loads(turns["tools"]) == TOOLS
    assert table_of(run, TRACES).select("reasoning", "response").rows() == [("So.", "\\boxed{2}")]
    assert "calling_tools" not in outcome.counts["sources"][0]


def test_a_call_that_nothing_answers_is_one_where_there_are_tools(tmp_path: Path) -> None:
    text = '<tool_call>\n{"name": "look_up", "arguments": {"words": ["seat"]}}\n</tool_call>'
    rows = [row([said("user", "Seats?"), said("assistant", text)], tools=tools) for tools in (TOOLS, None)]
    run, _ = import_rows(tmp_path, rows, CHAT)
    (turns,) = table_of(run, TRACE_TURNS)["turns"]
    assert orjson.loads(turns) == [said("assistant", "", tool_calls=[call("look_up", {"words": ["seat"]})])]
    assert sorted(table_of(run, TRACES)["response"]) == ["", text]


def test_rollouts_of_a_task_are_samples(tmp_path: Path) -> None:
    rows = [{"problem": "6 * 7?", "answer": "42", "runs": [conversation()[1:], conversation("It is \\boxed{41}.")[1:]]}]
    run, _ = import_rows(tmp_path, rows, "columns: {question: problem, trace: 'runs[*]'}, verifier: numeric")
    assert table_of(run, TRACES).sort("sample")["response"].to_list() == ["So \\boxed{42}.", "It is \\boxed{41}."]
    assert table_of(run, TRACE_TURNS).height == 2


def test_equal_words_with_other_calls_are_other_traces(tmp_path: Path) -> None:
    other = conversation()
    other[2]["tool_calls"][1] = call("look_up", {"words": ["chair"]}, "c2")
    run, _ = import_rows(tmp_path, [row(conversation()), row(other), row(conversation(), tools=None)], CHAT)
    traces = table_of(run, TRACES)
    assert traces["trace_id"].n_unique() == traces.height == 3
    assert traces["reasoning"].n_unique() == 1


def test_a_second_import_reads_only_new_rows_and_gives_the_same_tables(tmp_path: Path) -> None:
    many = [row(conversation(f"It is \\boxed{{{number}}}.")) for number in range(2_500)]
    run, _ = import_rows(tmp_path, many, CHAT)
    (tmp_path / "again").mkdir()
    fresh, _ = import_rows(tmp_path / "again", [*many, row(conversation("Last."))], CHAT)
    with (tmp_path / "traces.jsonl").open("a") as file:
        file.write(json.dumps(row(conversation("Last."))) + "\n")
    TASKS_STAGE.make(run)
    STAGE.make(run)
    for table in (TRACES, TRACE_TURNS):
        assert table_of(run, table).equals(table_of(fresh, table))


@pytest.mark.parametrize("config", ["preference", "steps"])
def test_configs_of_single_answers_are_refused(tmp_path: Path, config: str) -> None:
    with pytest.raises(InputError, match=rf"publish\.configs: `{config}` holds single answers"):
        import_rows(
            tmp_path,
            [row(conversation()), row(conversation("\\boxed{41}"))],
            CHAT + f"}}\npublish: {{configs: [sft, {config}]",
        )
