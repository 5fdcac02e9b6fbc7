"""Every path from a trace to its verdict, and the table that comes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from infogap.recipe import load_recipe
from infogap.runs.run_folder import Run
from infogap.schema import TASKS, TRACES, VERDICTS
from infogap.text.thoughts import split
from infogap.verify import STAGE
from infogap.verify.base import Grade, Item
from infogap.verify.grade_traces import prepared
from infogap.verify.verifiers import grade

_RECIPE = """
name: trial
tasks: [{from: tasks.jsonl}]
teacher: {backend: embedded}
generate: {privileges: [unguided]}
"""
_QUESTION = "Which one?\n(A) red\n(B) blue"


def _task(task_id: str, verifier: str, answer: str | None, question: str = "Q?") -> dict[str, Any]:
    empty = dict.fromkeys(TASKS.schema.names())
    return empty | {"task_id": task_id, "verifier": verifier, "answer": answer, "question": question}


def _trace(
    trace_id: str, task_id: str, response: str | None, finish: str | None = "stop", error: str | None = None
) -> dict[str, Any]:
    named = {"trace_id": trace_id, "task_id": task_id, "response": response, "finish_reason": finish, "error": error}
    return dict.fromkeys(TRACES.schema.names()) | named


@pytest.fixture
def run(tmp_path: Path) -> Run:
    (tmp_path / "recipe.yaml").write_text(_RECIPE)
    run = Run.create(load_recipe(tmp_path / "recipe.yaml"), tmp_path / "run")
    with run.rewrite(TASKS) as out:
        out.write(
            TASKS.frame(
                [
                    _task("sum", "math", "27.0"),
                    _task("colour", "choice", "B", _QUESTION),
                    _task("city", "exact", "Paris"),
                    _task("odd", "oracle", "1"),
                ]
            )
        )
    return run


def _verdicts(run: Run, traces: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    with run.rewrite(TRACES) as out:
        out.write(TRACES.frame(traces))
    STAGE.make(run)
    return {row["trace_id"]: row for row in pl.concat(run.parts(VERDICTS)).to_dicts()}


def test_every_verdict(run: Run) -> None:
    traces = [
        (_trace("t00", "sum", r"So \boxed{27}."), "correct", "27"),
        (_trace("t01", "sum", r"So \boxed{28}."), "wrong", "28"),
        (_trace("t02", "sum", "There are 27 of them."), "correct", "27 of them"),
        (_trace("t03", "sum", "I do not know."), "no_answer", None),
        (_trace("t04", "sum", ""), "no_answer", None),
        (_trace("t05", "sum", "", "length"), "truncated", None),
        (_trace("t06", "sum", "First, 27 is", "length"), "truncated", None),
        (_trace("t07", "sum", r"It is \boxed{27}, becau", "length"), "correct", "27"),
        (_trace("t08", "sum", None, "error", "HTTP 500"), "ungradable", None),
        (_trace("t09", "gone", r"\boxed{27}"), "ungradable", None),
        (_trace("t10", "odd", r"\boxed{27}"), "ungradable", None),
        (_trace("t11", "sum", r"\boxed{" + "9" * 1_000_000 + "}"), "ungradable", "9" * 2_000),
        (_trace("t12", "colour", "The answer is (B) blue."), "correct", "(B) blue"),
        (_trace("t13", "colour", "It depends.\nB"), "correct", "B"),
        (_trace("t14", "city", "**Answer:** paris"), "correct", "paris"),
        (_trace("t15", "city", "Paris"), "correct", "Paris"),
        (_trace("t16", "city", "It is a city.\nPerhaps Paris"), "no_answer", None),
        (_trace("t17", "sum", r"Maybe \boxed{27}", None), "correct", "27"),
    ]
    found = _verdicts(run, [trace for trace, *_ in traces])
    assert {key: (row["verdict"], row["extracted_answer"]) for key, row in found.items()} == {
        trace["trace_id"]: (verdict, answer) for trace, verdict, answer in traces
    }
    assert found["t08"]["detail"] == "the request failed"
    assert found["t11"]["detail"] == "answer of 1,000,000 characters"
    assert [row["trace_id"] for row in found.values()] == [trace["trace_id"] for trace, *_ in traces]
    for row in found.values():
        scored = {"correct": 1.0, "ungradable": None}.get(row["verdict"], 0.0)
        assert row["score"] == scored


def test_counts_and_notes(run: Run) -> None:
    with run.rewrite(TRACES) as out:
        failed = [_trace(f"f{number}", "sum", None, "error", "HTTP 500") for number in range(3)]
        out.write(TRACES.frame([_trace("t", "sum", r"\boxed{27}"), *failed]))
    outcome = STAGE.make(run)
    assert outcome.rows == 4
    assert outcome.counts == {"correct": 1, "wrong": 0, "no_answer": 0, "truncated": 0, "ungradable": 3}
    (note,) = outcome.notes
    assert "3 traces could not be graded" in note and "request failed" in note and "verdicts" in note


def test_no_traces_give_an_empty_table(run: Run) -> None:
    assert _verdicts(run, []) == {}
    assert run.rows(VERDICTS) == 0


def test_the_same_traces_give_the_same_bytes(run: Run) -> None:
    traces = [_trace(f"t{number:03}", "sum", rf"\boxed{{\frac{{{number}}}{{2}}}}") for number in range(100)]
    _verdicts(run, traces)
    (path,) = run.part_paths(VERDICTS)
    first = path.read_bytes()
    _verdicts(run, traces)
    assert path.read_bytes() == first


@pytest.mark.parametrize(
    ("text", "finish", "opened", "verdict"),
    [
        (r"<think>So \boxed{27}", "length", False, "truncated"),
        (r"<think>So \boxed{27}", None, False, "truncated"),
        (r"<think>So \boxed{27}", "stop", False, "no_answer"),
        (r"So \boxed{27}", "length", True, "truncated"),
        (r"So \boxed{27}", None, True, "truncated"),
        (r"Is it \boxed{28}?</think>\boxed{27}", "stop", False, "graded"),
        (r"Is it \boxed{28}?</think>\boxed{27}", None, True, "graded"),
        (r"<think>Is it \boxed{27}?</think>It is", "length", False, "truncated"),
        (r"<think>Is it \boxed{27}?</think>", "length", False, "truncated"),
        (r"<think>Is it \boxed{27}?</think>", "stop", False, "no_answer"),
    ],
)
def test_a_thought_is_never_read_for_an_answer(text: str, finish: str | None, opened: bool, verdict: str) -> None:
    reasoning, response = split(text, truncated=finish == "length", opened=opened)
    trace = _trace("t", "sum", response, finish) | {"reasoning": reasoning}
    found = prepared(_task("sum", "math", "27"), trace)
    assert (found.verdict if isinstance(found, Grade) else "graded") == verdict
    if isinstance(found, Item):
        assert found.answer == "27"


@pytest.mark.parametrize(
    ("response", "verdict"),
    [
        ("It goes at \\boxed{12} m/s. So the answer is B.", "correct"),
        ("\\boxed{A} was my guess. The answer is B because the other is red.", "correct"),
        ("The answer is (B). I hope that helps.", "correct"),
        ("The answer is A, not B.", "wrong"),
        ("The answer is B.<|im_end|>", "correct"),
        ("The answer is neither.", "wrong"),
        ("I cannot say.", "no_answer"),
    ],
)
def test_a_stated_letter_counts_more_than_a_box_before_it(response: str, verdict: str) -> None:
    assert _graded("choice", "B", response, _QUESTION).verdict == verdict


@pytest.mark.parametrize(
    ("gold", "response"),
    [
        ("(1,3), (5,3)", r"So \boxed{(1,3)} \quad \text{and} \quad \boxed{(5,3)}."),
        ("4, 6", r"$\boxed{4}$ for part (a) and $\boxed{6}$ for part (b)."),
        ("4, 6", "(a) $\\boxed{4}$.\n\n(b) $\\boxed{6}$."),
        ("4, 6", r"\boxed{4} \quad \boxed{6}"),
        ("x=4, y=6", r"$x = \boxed{4}$ and $y = \boxed{6}$"),
        ("6", "\\boxed{4} is too small.\n\\boxed{6}"),
        ("6", "\\boxed{6}\n\n\\boxed{6}"),
        ("6", "**Answer:**\n\n\\[\n6\n\\]"),
        ("6", "### Answer\n$$\n6\n$$\nThat is all."),
        ("6.5", "The answer is approx. 6.5."),
        ("6", "The answer is \u200b6\ufeff.</s>"),
        ("2\\sqrt{6}", "Hence the side is 2√6."),
        ("Helena", "Helena"),
    ],
)
def test_where_an_answer_stands(gold: str, response: str) -> None:
    assert _graded("math", gold, response).verdict == "correct"


@pytest.mark.parametrize(
    ("gold", "response", "verdict"),
    [
        ("31", "Therefore the number of birds is 31.", "correct"),
        ("31", "So the fence will cost **$31.00**.", "correct"),
        ("31", "The answer is EUR 31.", "correct"),
        ("3", "The answer is 3 dozen.", "wrong"),
        ("36", "The answer is 3 dozen.", "correct"),
        ("4", "The answer is 4√7.", "wrong"),
        ("4", "The answer is 4π.", "wrong"),
        ("4", "\\boxed{4!}", "wrong"),
        ("4", "\\boxed{4e^{2}}", "wrong"),
        ("4", "\\boxed{4 + c}", "wrong"),
        ("4.75", "\\boxed{4\\frac{3}{4}}", "correct"),
        ("4", "The answer is 4 and a quarter.", "wrong"),
        ("4000000", "The answer is 4 million.", "correct"),
        ("4", "We looked at step 4", "no_answer"),
    ],
)
def test_numbers_of_closing_sentences(gold: str, response: str, verdict: str) -> None:
    assert _graded("numeric", gold, response).verdict == verdict


def _graded(verifier: str, gold: str, response: str, question: str = "Q?") -> Grade:
    known = {"response": response, "reasoning": "", "finish_reason": "stop", "error": None}
    item = prepared(_task("t", verifier, gold, question), known)
    return grade(item) if isinstance(item, Item) else item
