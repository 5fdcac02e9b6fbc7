"""Existing traces come in whole: every text once, under ids that depend on content, nothing lost unsaid."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from imports.small_imports import PRODUCT, SUM, import_rows, table_of
from infogap.errors import InputError
from infogap.ids import stable_id
from infogap.imports.stage import STAGE
from infogap.schema import CONTEXTS, TRACES
from infogap.tasks import STAGE as TASKS_STAGE
from tasks.small_recipes import import_run, tasks_of, write_jsonl


def test_a_trace_with_all_that_is_known_of_it(tmp_path: Path) -> None:
    row = SUM | {
        "text": "<think>One and one.</think>It is \\boxed{2}.",
        "model": "small",
        "saw": "answer",
        "shown": "The answer is 2.",
        "end": "stop",
        "tokens": 12.0,
    }
    run, outcome = import_rows(
        tmp_path,
        [row],
        "columns: {trace: text, teacher: model, privilege: saw, context: shown, finish_reason: end, "
        "completion_tokens: tokens}",
    )
    (trace,) = table_of(run, TRACES).to_dicts()
    (context,) = table_of(run, CONTEXTS).to_dicts()
    task_id = tasks_of(run)["task_id"].item()
    assert context == {
        "context_id": stable_id(task_id, "answer", "The answer is 2."),
        "task_id": task_id,
        "privilege": "answer",
        "text": "The answer is 2.",
    }
    assert trace == {
        "trace_id": trace["trace_id"],
        "task_id": task_id,
        "privilege": "answer",
        "context_id": context["context_id"],
        "teacher": "small",
        "sample": 0,
        "seed": None,
        "round": 0,
        "reasoning": "One and one.",
        "response": "It is \\boxed{2}.",
        "finish_reason": "stop",
        "prompt_tokens": None,
        "completion_tokens": 12,
        "error": None,
    }
    assert (outcome.rows, outcome.notes) == (1, ["traces.jsonl: thoughts were recognised by <think> (1 trace)"])


def test_constants_stand_where_no_column_says_it(tmp_path: Path) -> None:
    rows = [SUM | {"text": "2", "saw": None, "end": None}]
    run, _ = import_rows(
        tmp_path, rows, "columns: {trace: text, privilege: saw, finish_reason: end}, teacher: big, privilege: solution"
    )
    (trace,) = table_of(run, TRACES).to_dicts()
    assert (trace["teacher"], trace["privilege"], trace["finish_reason"]) == ("big", "solution", None)
    assert trace["context_id"] is None
    assert table_of(run, CONTEXTS).is_empty()


def test_tags_that_are_not_known_are_named(tmp_path: Path) -> None:
    rows = [SUM | {"text": "<ponder>One and one.</ponder>2"}, SUM | {"text": "<p>2</p>"}, SUM | {"text": "<ponder> 2"}]
    _, outcome = import_rows(tmp_path, rows, "columns: {trace: text}")
    assert outcome.notes == [
        "traces.jsonl: 1 trace begins with <ponder>, which was not read as a thought's; if it is one, name it: "
        "`thinking: {open: '<ponder>', close: ...}`"
    ]
    run, outcome = import_rows(tmp_path, rows, "columns: {trace: text}, thinking: {open: <ponder>, close: </ponder>}")
    assert table_of(run, TRACES).select("reasoning", "response").rows() == [
        ("One and one.", "2"),
        ("", "<p>2</p>"),
        ("2", ""),
    ]
    assert outcome.notes == ["traces.jsonl: thoughts were recognised by <ponder> (2 traces)"]


@pytest.mark.parametrize(
    ("opening", "closing"),
    [
        ("<|pondering>", "<pondering|>"),
        ("<｜pondering｜>", "<｜/pondering｜>"),
        ("<unused7>", "<unused8>"),
        ("[PONDER]", "[/PONDER]"),
        ("Here is my thought process:", "So I reply:"),
    ],
)
def test_tags_of_any_form_that_are_not_known_are_named(tmp_path: Path, opening: str, closing: str) -> None:
    _, outcome = import_rows(tmp_path, [SUM | {"text": f"{opening}One.{closing}2"}], "columns: {trace: text}")
    assert outcome.notes == [
        f"traces.jsonl: 1 trace begins with {opening}, which was not read as a thought's; if it is one, name it: "
        f"`thinking: {{open: '{opening}', close: ...}}`"
    ]


def test_an_interval_at_the_beginning_is_no_tag(tmp_path: Path) -> None:
    rows = [SUM | {"text": "[A] is 2"}, SUM | {"text": "<x> is 2"}]
    _, outcome = import_rows(tmp_path, rows, "columns: {trace: text}")
    assert outcome.notes == []


def test_text_after_an_end_token_is_counted(tmp_path: Path) -> None:
    run, outcome = import_rows(
        tmp_path, [SUM | {"text": "2<|im_end|>\n<|im_start|>user\nWhy?"}], "columns: {trace: text}"
    )
    assert table_of(run, TRACES)["response"].to_list() == ["2"]
    assert "1 trace continued after an end-of-sequence token; the text after it is left out" in outcome.notes[1]


def test_the_same_text_twice_is_two_traces(tmp_path: Path) -> None:
    rows = [SUM | {"text": "2"}, PRODUCT | {"text": "6"}, SUM | {"text": "2"}]
    run, _ = import_rows(tmp_path, rows, "columns: {trace: text}")
    traces = table_of(run, TRACES)
    assert traces["trace_id"].n_unique() == 3
    assert traces["sample"].to_list() == [0, 0, 1]


def test_ids_do_not_depend_on_the_order_of_rows(tmp_path: Path) -> None:
    rows = [SUM | {"text": "2"}, PRODUCT | {"text": "6"}, SUM | {"text": "two"}, SUM | {"text": "2"}]
    found = []
    for order in (rows, rows[::-1]):
        run, _ = import_rows(tmp_path, order, "columns: {trace: text}")
        found.append(sorted(table_of(run, TRACES).select("trace_id", "response").rows()))
    assert found[0] == found[1]


@pytest.mark.parametrize(("verifier", "said"), [("math", True), ("consensus", False)])
def test_traces_that_need_no_gold_answer_are_not_said_to_be_ungraded(tmp_path: Path, verifier: str, said: bool) -> None:
    write_jsonl(tmp_path / "traces.jsonl", [{"question": "1 + 1?", "text": "2"}, {"question": "1 + 1?", "text": "2."}])
    columns = "columns: {trace: text, answer: null}"
    run = import_run(tmp_path, f"  - {{from: traces.jsonl, {columns}, verifier: {verifier}}}")
    notes = TASKS_STAGE.make(run).notes
    assert any("no gold answer, so their traces are not graded" in note for note in notes) is said


def test_rows_that_are_not_imported_are_counted_by_reason(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        SUM | {"text": "2", "level": 1},
        {"question": "Why?", "answer": None, "text": "So.", "level": 1},
        PRODUCT | {"text": " ", "level": 1},
        PRODUCT | {"text": [{"role": "assistant"}], "level": 1},
        PRODUCT | {"text": "6", "level": 2},
    ]
    _, outcome = import_rows(tmp_path, rows, "columns: {trace: text, difficulty: level}, where: difficulty = '1'")
    assert outcome.counts["sources"] == [
        {
            "source": "traces.jsonl",
            "rows": 5,
            "left_out": {"left out by `where`": 1, "no trace": 1, "the trace is not text": 1},
            "traces": 2,
        }
    ]
    assert outcome.notes == [
        "traces.jsonl: not imported, of 5 rows: left out by `where`: 1 row; no trace: 1 row; "
        "the trace is not text: 1 row",
        "traces.jsonl: the first row without a trace, by reason: row 3: no trace; row 4: the trace is not text",
    ]


def test_a_row_outside_its_sources_limit_stays_out_though_another_source_has_the_task(tmp_path: Path) -> None:
    rows = [{"question": f"What is {n} + 1?", "answer": str(n + 1), "text": str(n + 1)} for n in range(6)]
    for name in ("one", "two"):
        write_jsonl(tmp_path / f"{name}.jsonl", rows)
    run = import_run(
        tmp_path,
        "  - {from: one.jsonl, columns: {trace: text}, teacher: a, limit: 2}\n"
        "  - {from: two.jsonl, columns: {trace: text}, teacher: b}",
    )
    TASKS_STAGE.make(run)
    outcome = STAGE.make(run)
    assert tasks_of(run).height == 6
    assert table_of(run, TRACES)["teacher"].to_list() == ["a"] * 2 + ["b"] * 6
    assert outcome.counts["sources"][0]["left_out"] == {"left out by `limit`": 4}


def test_contexts_are_written_once(tmp_path: Path) -> None:
    rows = [SUM | {"text": text, "shown": "Hint: 2."} for text in ("2", "two", "zwei")]
    run, _ = import_rows(tmp_path, rows, "columns: {trace: text, context: shown}, privilege: answer")
    assert table_of(run, CONTEXTS).height == 1
    assert table_of(run, TRACES)["context_id"].unique().to_list() == table_of(run, CONTEXTS)["context_id"].to_list()


def test_nothing_to_import_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"traces\.jsonl: no trace to import; no trace: 1 row"):
        import_rows(tmp_path, [SUM | {"text": ""}], "columns: {trace: text}")
    with pytest.raises(InputError, match=r"no row has 'txt' \(did you mean 'text'\?\)"):
        import_rows(tmp_path, [SUM | {"text": "2"}], "columns: {trace: txt}")


def test_pairs_are_refused_where_no_cell_has_two_traces(tmp_path: Path) -> None:
    rest = "columns: {trace: text}}\npublish: {configs: [preference]"
    with pytest.raises(InputError, match="`preference` pairs a correct with a wrong trace"):
        import_rows(tmp_path, [SUM | {"text": "2"}, PRODUCT | {"text": "6"}], rest)
    assert import_rows(tmp_path, [SUM | {"text": "2"}, SUM | {"text": "3"}], rest)[1].rows == 2
    across = "preference: {chosen: {privilege: unguided}, rejected: {privilege: answer}}"
    each = [SUM | {"text": text, "saw": saw} for text, saw in (("2", "unguided"), ("3", "answer"))]
    rest = f"columns: {{trace: text, privilege: saw}}}}\npublish: {{configs: [preference], {across}"
    assert import_rows(tmp_path, each, rest)[1].rows == 2


@pytest.mark.parametrize("rows", [1, 3])
def test_a_file_that_changed_after_its_tasks_were_read(tmp_path: Path, rows: int) -> None:
    run, _ = import_rows(tmp_path, [SUM | {"text": "2"}] * 2, "columns: {trace: text}")
    write_jsonl(tmp_path / "traces.jsonl", [SUM | {"text": "2"}] * rows)
    with pytest.raises(InputError, match="has changed since its tasks were read"):
        STAGE.make(run)


def test_the_part_follows_the_trace_columns(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "traces.jsonl", [SUM | {"text": "2"}])
    one = STAGE.part(import_run(tmp_path, "  - {from: traces.jsonl, columns: {trace: text}}"))
    other = STAGE.part(import_run(tmp_path, "  - {from: traces.jsonl, columns: {trace: text}, teacher: x}"))
    assert one["import[0]"]["sha256"] == other["import[0]"]["sha256"]
    assert one != other


def test_traces_without_gold_answers_come_in_whole(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"question": "Why?", "text": "So."},
        {"question": "Who?", "answer": None, "text": "I."},
    ]
    run, outcome = import_rows(tmp_path, rows, "columns: {trace: text}")
    assert tasks_of(run)["answer"].to_list() == [None, None]
    assert (outcome.rows, outcome.notes) == (2, [])
    with pytest.raises(InputError, match="row 1: no answer"):
        import_rows(tmp_path, [{"question": "Why?", "text": "So."}], "columns: {trace: text}, invalid: error")
