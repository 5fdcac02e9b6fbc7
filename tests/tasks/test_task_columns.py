"""How rows become questions: templates, conversations, joined files, patterns; and what is said of what is left out."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from infogap.errors import InputError
from infogap.recipe import RecipeError
from infogap.tasks import STAGE
from tasks.small_recipes import import_run, task_run, tasks_of, write_jsonl


def said(role: str, text: str) -> dict[str, str]:
    return {"role": role, "content": text}


def test_a_question_of_two_columns(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "a.jsonl", [{"Body": "Two pens.", "Q": "How many?", "A": 2.0}, {"Q": "Why?", "A": 1}])
    source = "  - {from: a.jsonl, columns: {question: '{{ Body }}\n\n{{ Q }}', answer: A}}"
    run = task_run(tmp_path, source)
    outcome = STAGE.make(run)
    assert tasks_of(run).select("question", "answer").rows() == [("Two pens.\nHow many?", "2")]
    # A row without its body is no shorter question.
    assert outcome.counts["sources"][0]["left_out"] == {"the question's template prints a column that the row lacks": 1}


def test_a_template_that_no_row_fills_says_why(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "a.jsonl", [{"body": "Two pens.", "answer": "2"}])
    run = task_run(tmp_path, "  - {from: a.jsonl, columns: {question: '{{ boddy }}'}}")
    with pytest.raises(
        InputError, match=r"no row fills the template '{{ boddy }}': 'boddy' is undefined; its columns are"
    ):
        STAGE.make(run)


def test_prefixes_and_a_pattern(tmp_path: Path) -> None:
    asked = ["<user>Solve: How many? Thanks.</user>", "<user>Solve: Why?</user>", "no tags"]
    write_jsonl(tmp_path / "a.jsonl", [{"question": text, "answer": "2"} for text in asked])
    settings = "pattern: '(?s)<user>(.*)</user>', strip_prefix: 'Solve:', strip_suffix: Thanks."
    run = task_run(tmp_path, f"  - {{from: a.jsonl, {settings}}}")
    outcome = STAGE.make(run)
    assert tasks_of(run)["question"].to_list() == ["How many?", "Why?"]
    assert outcome.counts["sources"][0]["left_out"] == {"the question does not match `pattern`": 1}
    for pattern, message in (("a(", "not a regular expression"), ("ab", "one group in parentheses, found 0")):
        with pytest.raises(RecipeError, match=message):
            task_run(tmp_path, f"  - {{from: a.jsonl, pattern: '{pattern}'}}")


def test_a_pattern_that_takes_forever_on_a_question_leaves_it_out(tmp_path: Path) -> None:
    endless = "a" * 40 + "!"
    write_jsonl(tmp_path / "a.jsonl", [{"question": text, "answer": "2"} for text in ("aa", endless, "aaa", endless)])
    run = task_run(tmp_path, "  - {from: a.jsonl, pattern: '((?:a+)+)$'}")
    outcome = STAGE.make(run)
    assert tasks_of(run)["question"].to_list() == ["aa", "aaa"]
    assert outcome.counts["sources"][0]["left_out"] == {"`pattern` takes more than 1 s on the question": 2}


def test_a_pattern_that_takes_forever_on_most_questions_is_refused(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "a.jsonl", [{"question": "a" * 40 + f"{n}!", "answer": "2"} for n in range(500)])
    run = task_run(tmp_path, "  - {from: a.jsonl, pattern: '((?:a+)+)!!'}")
    started = time.monotonic()
    with (
        patch("infogap.text.bounded_search.TIME_LIMIT", 0.1),
        pytest.raises(InputError, match=r"`pattern: \(\(\?:a\+\)\+\)!!` takes too long .* on 20 questions"),
    ):
        STAGE.make(run)
    assert time.monotonic() - started < 120


def test_messages_that_end_with_one_of_the_user_are_a_question(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"question": [said("user", "How many? Box it.")], "answer": "2"},
        {"question": '[{"role": "user", "content": "Why?"}]', "answer": "1"},
        {"question": [said("system", "Be brief."), said("user", "Who? Box it.")], "answer": "3"},
        {"question": [said("user", "Who?"), said("system", "Be brief.")], "answer": "3"},
    ]
    write_jsonl(tmp_path / "a.jsonl", rows)
    run = task_run(tmp_path, "  - {from: a.jsonl, strip_suffix: Box it.}")
    outcome = STAGE.make(run)
    assert tasks_of(run)["question"].to_list() == ["How many?", "Why?", "System: Be brief.\n\nUser: Who?"]
    assert list(outcome.counts["sources"][0]["left_out"]) == [
        "the question is a conversation whose last turn is not the user's"
    ]


def test_one_turn_of_several_is_counted(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {
            "chat": [said("user", "Hello!"), said("assistant", "Hi."), said("user", "How many?")],
            "t": "2",
            "answer": "2",
        },
        {"chat": [said("user", "Why?")], "t": "1", "answer": "1"},
    ]
    write_jsonl(tmp_path / "a.jsonl", rows)
    outcome = STAGE.make(import_run(tmp_path, "  - {from: a.jsonl, columns: {question: 'chat[-1].content', trace: t}}"))
    assert outcome.notes[0] == (
        "a.jsonl: 'chat[-1].content' takes one turn of several in 1 rows, and leaves the others out of the prompt; "
        "`question: chat` keeps the conversation"
    )


@pytest.mark.parametrize("on", ["id", "{key: id}"])
def test_rows_are_joined_by_a_key(tmp_path: Path, on: str) -> None:
    key = "id" if on == "id" else "key"
    write_jsonl(tmp_path / "a.jsonl", [{key: 1, "t": "2"}, {key: "2", "t": "1"}, {key: 9, "t": "x"}, {"t": "y"}])
    known = [{"id": "1", "q": "How many?", "g": 2}, {"id": 2, "q": "Why?", "g": 1}, {"id": 3, "q": "Who?", "g": 3}]
    write_jsonl(tmp_path / "q.jsonl", known)
    source = (
        f"{{from: a.jsonl, join: {{from: q.jsonl, on: {on}}}, columns: {{question: q, answer: joined.g, trace: t}}}}"
    )
    run = import_run(tmp_path, f"  - {source}")
    outcome = STAGE.make(run)
    assert tasks_of(run).select("question", "answer").rows() == [("How many?", "2"), ("Why?", "1")]
    assert outcome.counts["sources"][0]["left_out"] == {f"no row of q.jsonl has its {key}": 2}
    assert "q.jsonl: 1 rows match no row of a.jsonl" in outcome.notes


def test_a_key_that_stands_twice_or_nowhere_is_an_error(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "a.jsonl", [{"id": 1, "t": "2"}])
    write_jsonl(tmp_path / "q.jsonl", [{"id": 1, "q": "How many?"}, {"id": 1, "q": "Why?"}])
    source = "  - {from: a.jsonl, join: {from: q.jsonl, on: %s}, columns: {question: q, trace: t, answer: null}}"
    with pytest.raises(InputError, match=r"q.jsonl, row 2: a second row with id '1' but different content"):
        STAGE.make(import_run(tmp_path, source % "id"))
    with pytest.raises(InputError, match=r"q.jsonl: no row has 'idd' \(did you mean 'id'\?\)"):
        STAGE.make(import_run(tmp_path, source % "{id: idd}"))
    write_jsonl(tmp_path / "q.jsonl", [{"id": 1, "q": "How many?"}])
    with pytest.raises(InputError, match=r"a.jsonl: no row has 'idd' \(did you mean 'id'\?\)"):
        STAGE.make(import_run(tmp_path, source % "{idd: id}"))


@pytest.mark.parametrize(
    ("condition", "questions"),
    [
        ("level >= 3", ["Q2?"]),
        ("is_correct", ["Q1?", "Q3?"]),
        ("NOT is_correct AND level > 1", ["Q2?"]),
        ("teacher = 'big'", ["Q1?", "Q2?"]),  # a mapped column, under the name that it is mapped to
        ("\"the source\" = 'x' OR answer = '3'", ["Q1?", "Q3?"]),
        ("stated_verdict = 'true' AND tags LIKE '%hard%'", ["Q3?"]),
    ],
)
def test_where_sees_the_mapped_columns_and_the_files_own(tmp_path: Path, condition: str, questions: list[str]) -> None:
    more: list[dict[str, Any]] = [
        {"level": 1, "is_correct": True, "m": "big", "the source": "x", "tags": ["easy"]},
        {"level": 3, "is_correct": False, "m": "big", "the source": "y", "tags": ["hard"]},
        {"level": 2, "is_correct": True, "m": "small", "the source": None, "tags": ["hard"]},
    ]
    rows = [{"question": f"Q{n}?", "answer": n, "t": "x"} | row for n, row in enumerate(more, 1)]
    write_jsonl(tmp_path / "a.jsonl", rows)
    columns = "columns: {trace: t, teacher: m, stated_verdict: is_correct}"
    quoted = condition.replace("'", "''")
    run = import_run(tmp_path, f"  - {{from: a.jsonl, {columns}, where: '{quoted}'}}")
    STAGE.make(run)
    assert tasks_of(run)["question"].to_list() == questions


def test_a_column_that_where_does_not_find_is_named_with_those_there_are(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "a.jsonl", [{"question": "Q?", "answer": 1, "level": 1}])
    run = task_run(tmp_path, "  - {from: a.jsonl, where: levl > 1}")
    with pytest.raises(
        InputError, match=r"unable to find column \"levl\" \(did you mean 'level'\?\); there are question"
    ):
        STAGE.make(run)


def test_gold_answers_under_another_name_are_not_taken_for_none(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "a.jsonl", [{"question": "Q?", "gold_answer": 1, "t": "x"}])
    with pytest.raises(
        InputError, match=r"no row has 'answer', but they have 'gold_answer': write `columns: \{answer: gold_answer\}`"
    ):
        STAGE.make(import_run(tmp_path, "  - {from: a.jsonl, columns: {trace: t}}"))
    run = import_run(tmp_path, "  - {from: a.jsonl, columns: {trace: t, answer: null}}")
    STAGE.make(run)
    assert tasks_of(run)["answer"].to_list() == [None]
    with pytest.raises(RecipeError, match="generated answers are graded against a gold answer: name its column"):
        task_run(tmp_path, "  - {from: a.jsonl, columns: {answer: null}}")
