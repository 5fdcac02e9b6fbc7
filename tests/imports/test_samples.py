"""The samples of imported rows: texts, thoughts, and what stands beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from imports.small_imports import PRODUCT, SUM, import_rows, table_of
from infogap.imports.samples import LISTED, SWITCH
from infogap.imports.stage import STAGE
from infogap.schema import CONTEXTS, STATED_VERDICTS, TRACES
from infogap.tasks import STAGE as TASKS_STAGE
from tasks.small_recipes import import_run, tasks_of


def test_a_list_of_texts_is_a_list_of_samples(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        SUM | {"texts": ["two", "", "2"], "ends": ["stop", None, "length"], "tokens": [1, None, "3"]},
        PRODUCT | {"texts": ["six"], "ends": ["stop"], "tokens": [1]},
        SUM | {"texts": "zwei", "ends": "stop", "tokens": 2},
    ]
    run, outcome = import_rows(
        tmp_path, rows, "columns: {trace: texts, finish_reason: ends, completion_tokens: tokens}, teacher: x"
    )
    rows_written = table_of(run, TRACES).select("response", "sample", "finish_reason", "completion_tokens").rows()
    assert rows_written == [
        ("two", 0, "stop", 1),
        ("2", 2, "length", 3),
        ("six", 0, "stop", 1),
        ("zwei", 3, "stop", 2),
    ]
    assert outcome.counts["sources"][0]["left_out"] == {"empty, beside others that are not": 1}
    assert "empty, beside others that are not: 1 sample" in outcome.notes[0]


def test_a_text_among_conversations_is_no_answer_to_itself(tmp_path: Path) -> None:
    turns = [{"role": "user", "content": "One and one?"}, {"role": "assistant", "content": "2"}]
    rows: list[dict[str, Any]] = [{"turns": turns, "answer": "2"}, {"turns": "Two threes?", "answer": "6"}]
    run, outcome = import_rows(tmp_path, rows, "columns: {question: turns, trace: turns}")
    assert table_of(run, TRACES)["response"].to_list() == ["2"]
    assert outcome.counts["sources"][0]["left_out"] == {"a conversation without an answer": 1}


def test_a_list_that_is_written_as_one_text_is_not_one_sample(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        SUM | {"texts": '["\\\\boxed{3}", "\\\\boxed{2}"]'},
        PRODUCT | {"texts": '["six", "6"]'},  # a response may be a list
    ]
    run, outcome = import_rows(tmp_path, rows, "columns: {trace: texts}")
    assert table_of(run, TRACES)["response"].to_list() == ['["six", "6"]']
    assert outcome.counts["sources"][0]["left_out"] == {LISTED: 1}
    (tmp_path / "items").mkdir()
    run, _ = import_rows(tmp_path / "items", rows, "columns: {trace: 'texts[*]'}")
    assert table_of(run, TRACES)["response"].to_list() == ["\\boxed{3}", "\\boxed{2}", "six", "6"]


def test_a_switch_is_no_thought(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        SUM | {"reasoning": "on", "output": "<think>One and one.</think>2"},
        SUM | {"reasoning": "One and one.", "output": "2"},
        PRODUCT | {"reasoning": " Off", "output": "6"},
    ]
    run, outcome = import_rows(tmp_path, rows, "columns: {reasoning: reasoning, response: output}")
    assert table_of(run, TRACES).select("reasoning", "response").rows() == [("One and one.", "2")]
    assert outcome.counts["sources"][0]["left_out"] == {SWITCH: 2}


def test_thoughts_in_a_column_of_their_own(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        SUM | {"thought": " One </think> and one. ", "said": " 2 "},
        PRODUCT | {"thought": None, "said": ["6", "6!"]},
        PRODUCT | {"thought": "Two\nthrees.", "said": "<think>Two threes.</think>\n6."},
        PRODUCT | {"thought": "", "said": "<think>Three twos.</think>\n6<|im_end|>"},
    ]
    run, outcome = import_rows(tmp_path, rows, "columns: {reasoning: thought, response: said}")
    assert table_of(run, TRACES).select("reasoning", "response").rows() == [
        ("One  and one.", "2"),
        ("", "6"),
        ("", "6!"),
        ("Two\nthrees.", "6."),
        ("Three twos.", "6"),
    ]
    assert outcome.notes == [
        "traces.jsonl: thoughts were recognised by <think> (2 traces), a column of its own (2 traces)",
        "traces.jsonl: end-of-sequence tokens removed: <|im_end|> (1 trace)",
    ]
    assert outcome.counts["sources"][0]["thoughts_by"] == {"<think>": 2, "a column of its own": 2}


@pytest.mark.parametrize("content", [None, ""])
def test_no_content_beside_a_thought_is_a_thought_cut_off(tmp_path: Path, content: str | None) -> None:
    rows: list[dict[str, Any]] = [
        SUM | {"thought": "One and", "said": content, "end": "length"},
        SUM | {"thought": ["One", "And one"], "said": content and [content] * 2, "end": ["length", "stop"]},
        PRODUCT | {"thought": None, "said": content, "end": "stop"},
    ]
    if content is not None:
        rows[1]["said"] = [content] * 2
    run, outcome = import_rows(tmp_path, rows, "columns: {reasoning: thought, response: said, finish_reason: end}")
    assert table_of(run, TRACES).select("reasoning", "response", "finish_reason").rows() == [
        ("One and", "", "length"),
        ("One", "", "length"),
        ("And one", "", "stop"),
    ]
    assert outcome.counts["sources"][0]["left_out"] == {"no trace": 1}


def test_content_in_parts(tmp_path: Path) -> None:
    parts = [{"type": "thinking", "thinking": "One and one."}, {"type": "text", "text": "It is 2."}]
    rows: list[dict[str, Any]] = [SUM | {"said": parts}, SUM | {"said": [parts, "2"]}, SUM | {"said": [{"type": "x"}]}]
    run, outcome = import_rows(tmp_path, rows, "columns: {trace: said}")
    thought = ("One and one.", "It is 2.")
    assert table_of(run, TRACES).select("reasoning", "response").rows() == [thought, thought, ("", "2")]
    assert outcome.counts["sources"][0]["left_out"] == {"the trace is not text": 1}


def test_every_words_for_why_an_answer_ended(tmp_path: Path) -> None:
    ends: list[Any] = ["MAX_TOKENS", "end_turn", "content_filter", "aborted", "repetition", None, {"type": "length"}]
    rows = [SUM | {"text": f"{number}", "end": end} for number, end in enumerate(ends)]
    run, outcome = import_rows(tmp_path, rows, "columns: {trace: text, finish_reason: end}")
    traces = table_of(run, TRACES)
    assert traces["finish_reason"].to_list() == ["length", "stop", "filtered", "error", "repetition", None, "length"]
    assert traces["error"].to_list() == [
        None,
        None,
        "the source says that the answer ended by 'content_filter'",
        "the source says that the answer ended by 'aborted'",
        None,
        None,
        None,
    ]
    assert outcome.notes == ["traces.jsonl: unknown finish reasons, kept as they are: repetition (1 trace)"]
    assert outcome.counts["sources"][0]["finish_reasons_not_known"] == {"repetition": 1}


def test_a_thought_cut_off_is_no_answer(tmp_path: Path) -> None:
    run, _ = import_rows(
        tmp_path,
        [SUM | {"text": "<think>One and", "end": "length"}],
        "columns: {trace: text, finish_reason: end}",
    )
    (trace,) = table_of(run, TRACES).to_dicts()
    assert (trace["reasoning"], trace["response"], trace["finish_reason"]) == ("One and", "", "length")


@pytest.mark.parametrize("end", ["length", None])
def test_a_trace_that_begins_inside_its_thought(tmp_path: Path, end: str | None) -> None:
    rows: list[dict[str, Any]] = [
        SUM | {"text": ["One and one.</think>\n\nIt is 2.", "One and \\boxed{2}, or"], "end": ["stop", end]},
    ]
    columns = "columns: {trace: text, finish_reason: end}"
    for name in ("told", "untold"):
        (tmp_path / name).mkdir()
    told, outcome = import_rows(tmp_path / "told", rows, f"thinking: opened, {columns}")
    assert table_of(told, TRACES).select("reasoning", "response").rows() == [
        ("One and one.", "It is 2."),
        ("One and \\boxed{2}, or", ""),
    ]
    assert outcome.notes == ["traces.jsonl: thoughts were recognised by <think> (1 trace)"]
    untold, outcome = import_rows(tmp_path / "untold", rows, columns)
    assert table_of(untold, TRACES)["response"].to_list() == ["It is 2.", "One and \\boxed{2}, or"]
    assert [
        ("1 that were cut off have no tags" in note and "`thinking: opened`" in note) for note in outcome.notes
    ] == ([False, True] if end else [False])


def test_half_a_surrogate_pair_ends_no_run(tmp_path: Path) -> None:
    rows = [{"question": "Why \ud83d?", "answer": "2", "thought": "One \ud83d", "said": "\ude00 2", "shown": "\ud83d"}]
    run, _ = import_rows(tmp_path, rows, "columns: {reasoning: thought, response: said, context: shown}")
    assert table_of(run, TRACES).select("reasoning", "response").rows() == [("One ?", "? 2")]
    assert tasks_of(run)["question"].to_list() == ["Why ??"]
    assert table_of(run, CONTEXTS)["text"].to_list() == ["?"]


def test_parquet_lists_and_structs(tmp_path: Path) -> None:
    frame = pl.DataFrame({"task": [SUM, PRODUCT], "out": [{"texts": ["2", "two"]}, {"texts": ["6", None]}]})
    frame.write_parquet(tmp_path / "traces.parquet")
    run = import_run(
        tmp_path,
        "  - {from: traces.parquet, columns: {question: task.question, answer: task.answer, trace: out.texts}}",
    )
    TASKS_STAGE.make(run)
    assert STAGE.make(run).rows == 3
    assert table_of(run, TRACES)["response"].to_list() == ["2", "two", "6"]


def test_every_item_of_a_list_of_objects_is_a_sample(tmp_path: Path) -> None:
    items = [
        {
            "text": "<think>One.</think>2",
            "end": "stop",
            "by": "big",
            "saw": "answer",
            "n": 5,
            "ok": True,
            "c": "It is 2.",
        },
        {"text": "3", "end": "length", "by": "small", "saw": "unguided", "ok": False},
    ]
    rows: list[dict[str, Any]] = [SUM | {"s": items}, PRODUCT | {"s": [{"text": "6", "by": "big"}]}]
    columns = {"trace": "text", "finish_reason": "end", "teacher": "by", "privilege": "saw", "context": "c"}
    columns |= {"completion_tokens": "n", "stated_verdict": "ok"}
    mapping = ", ".join(f"{name}: 's[*].{key}'" for name, key in columns.items())
    run, outcome = import_rows(tmp_path, rows, f"columns: {{{mapping}}}, teacher: someone")
    traces = table_of(run, TRACES).sort("response")
    names = ("response", "teacher", "privilege", "finish_reason", "completion_tokens", "sample")
    assert traces.select(names).rows() == [
        ("2", "big", "answer", "stop", 5, 0),
        ("3", "small", "unguided", "length", None, 0),
        ("6", "big", "unknown", None, None, 0),
    ]
    assert table_of(run, CONTEXTS)["text"].to_list() == ["It is 2."]
    stated = dict(table_of(run, STATED_VERDICTS).iter_rows())
    assert [stated.get(trace_id) for trace_id in traces["trace_id"]] == ["true", "false", None]
    assert (outcome.rows, outcome.counts["stated_verdicts"]) == (3, 2)


@pytest.mark.parametrize("column", ["finish_reason", "teacher", "stated_verdict", "context"])
def test_a_list_that_does_not_follow_the_traces_is_not_guessed_at(tmp_path: Path, column: str) -> None:
    rows = [SUM | {"t": ["2", "3"], "x": ["a"]}, SUM | {"t": ["2"], "x": ["a"]}]
    _, outcome = import_rows(tmp_path, rows, f"columns: {{trace: t, {column}: x}}")
    reason = f"{column} is a list, and not of as many items as there are traces"
    assert outcome.counts["sources"][0]["left_out"] == {reason: 1}
    assert outcome.rows == 1


def test_one_count_of_tokens_for_several_traces_is_their_sum(tmp_path: Path) -> None:
    run, _ = import_rows(tmp_path, [SUM | {"t": ["2", "3"], "n": 9}], "columns: {trace: t, completion_tokens: n}")
    assert table_of(run, TRACES)["completion_tokens"].to_list() == [None, None]


def test_a_conversation_is_answered_by_its_last_turn(tmp_path: Path) -> None:
    said = [("user", "Hello!"), ("assistant", "Hi."), ("user", "What is 1 + 1?"), ("assistant", "<think>So.</think>2")]
    chat = [{"role": role, "content": text} for role, text in said]
    rows: list[dict[str, Any]] = [
        {"chat": chat, "answer": "2"},
        {"chat": chat[2:], "answer": "2"},
        {"chat": chat[:3], "answer": "2"},  # ends with the user's turn: the trace would be a question
    ]
    run, outcome = import_rows(tmp_path, rows, "columns: {question: chat, trace: 'chat[-1].content'}")
    assert table_of(run, TRACES).select("reasoning", "response").unique().rows() == [("So.", "2")]
    tasks = tasks_of(run)
    assert tasks["question"].to_list() == [
        "User: Hello!\n\nAssistant: Hi.\n\nUser: What is 1 + 1?",
        "What is 1 + 1?",
    ]
    assert outcome.counts["sources"][0]["left_out"] == {"the trace is no turn of the assistant's": 1}
    whole, _ = import_rows(tmp_path, rows, "columns: {question: chat, trace: chat}")
    assert table_of(whole, TRACES)["response"].to_list() == ["2", "2", "Hi."]


def test_a_conversation_with_thoughts_in_fields_parts_and_tags(tmp_path: Path) -> None:
    question = {"role": "user", "content": "What is 1 + 1?"}
    answers: list[dict[str, Any]] = [
        {"content": "2.", "reasoning_content": "One and one."},
        {"content": [{"type": "thinking", "thinking": "One and one."}, {"type": "text", "text": "2."}]},
        {"content": "[THINK]One and one.[/THINK]2.<|im_end|>"},
        {"content": None, "reasoning_content": "One and one."},
        {"content": [{"type": "text", "text": "2."}, {"type": "image_url", "image_url": "x"}]},
    ]
    rows = [{"chat": [question, {"role": "assistant"} | answer], "answer": "2"} for answer in answers]
    run, outcome = import_rows(tmp_path, rows, "columns: {question: chat, trace: chat}")
    thought = ("One and one.", "2.")
    assert table_of(run, TRACES).select("reasoning", "response").rows() == [*[thought] * 3, ("One and one.", "")]
    assert outcome.notes[0] == "traces.jsonl: not imported, of 5 rows: a turn with a part that is not text: 1 row"
    assert outcome.counts["sources"][0]["thoughts_by"] == {
        "[THINK]": 1,
        "a field of its own": 2,
        "a part of the content": 1,
    }


def test_thoughts_of_every_item_and_why_each_ended(tmp_path: Path) -> None:
    choices = [
        {"message": {"content": "2.", "reasoning_content": "One and one."}, "finish_reason": "end_turn"},
        {"message": {"content": None, "reasoning_content": "One and"}, "finish_reason": "MAX_TOKENS"},
    ]
    run, outcome = import_rows(
        tmp_path,
        [SUM | {"choices": choices}],
        "columns: {response: 'choices[*].message.content', reasoning: 'choices[*].message.reasoning_content', "
        "finish_reason: 'choices[*].finish_reason'}",
    )
    expected = [("One and one.", "2.", "stop"), ("One and", "", "length")]
    assert table_of(run, TRACES).select("reasoning", "response", "finish_reason").rows() == expected
    assert outcome.notes == ["traces.jsonl: thoughts were recognised by a column of its own (2 traces)"]
