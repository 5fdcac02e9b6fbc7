"""The answer on which unguided samples agree: by equality, whatever their order and form; and who is graded by it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infogap.recipe import RecipeError, load_recipe
from infogap.runs.run_folder import Run
from infogap.schema import TASKS, TRACES, VERDICTS
from infogap.verify import STAGE
from infogap.verify.agreed_answers import Agreed, agreed_answers
from infogap.verify.base import ungradable
from infogap.verify.grading_pool import grade_all

_RECIPE = """
name: trial
tasks: [{from: tasks.jsonl, columns: {answer: null, solution: s}, verifier: consensus}]
teacher: {backend: embedded}
generate: {samples: 4, privileges: [unguided, solution]}
"""
_OPTIONS = "Which one?\n(A) red\n(B) blue\n(C) green"
_QUARTERS = ("0.25", "1/4", r"\frac14", "25\\%", r"\frac{1}{4}", ".25")
_HALVES = ("0.5", "1/2", r"\frac12", ".5")
_NUMERIC = '{"equality": "numeric"}'


def _task(task_id: str, question: str = "Q?", **columns: Any) -> dict[str, Any]:
    named = {"task_id": task_id, "verifier": "consensus", "question": question, "source": "s", "metadata": '{"row": 1}'}
    return dict.fromkeys(TASKS.schema.names()) | named | columns


def _agreed(answers: list[str | None], minimum: float = 0.5, **columns: Any) -> Agreed:
    said = [None if answer is None else (answer, True) for answer in answers]
    return agreed_answers({"t": _task("t", **columns)}, {"t": said}, minimum, Path())["t"]


def test_equal_forms_of_an_answer_agree() -> None:
    agreed = _agreed(["1/2", "0.5", "3", r"\frac12"])
    assert (agreed.agreeing, agreed.samples, agreed.share) == (3, 4, 0.75)
    assert agreed.answer == "0.5"


@pytest.mark.parametrize(
    ("answers", "minimum", "reason"),
    [
        (["1", "2", "3", "3", None], 0.5, "2 of 5 unguided samples agree"),
        (["1", None], 0.5, "1 of 2 unguided samples agree"),
        ([None, None], 0.1, "0 of 2"),
        (["7", "7", "8", "8"], 0.5, "a tie of answers with 2 of 4"),
        (["7", "7", "7", "8"], 0.9, "3 of 4"),
        ([], 0.5, "no unguided samples"),
    ],
)
def test_too_few_samples_that_agree_are_no_consensus(answers: list[str | None], minimum: float, reason: str) -> None:
    agreed = _agreed(answers, minimum)
    assert agreed.answer is None
    assert agreed.reason is not None and reason in agreed.reason


def test_an_answer_that_cannot_be_compared_matters_only_where_it_could_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    def without_nine(work: Any, **settings: Any) -> Any:
        items = [(key, ungradable("it took too long") if item.answer == "9" else item) for key, item in work]
        return grade_all(items, **settings)

    monkeypatch.setattr("infogap.verify.agreed_answers.grade_all", without_nine)
    assert _agreed(["7", "7", "7", "9"]).answer == "7"
    undecided = _agreed(["7", "7", "8", "9"])
    assert undecided.answer is None
    assert undecided.reason is not None and "could not be compared" in undecided.reason


def test_samples_without_an_answer_count_against_it() -> None:
    assert _agreed(["7", "7", None, None], 0.5).share == 0.5
    assert _agreed(["7", "7", None, None], 0.51).answer is None


def test_options_are_compared_as_options() -> None:
    agreed = _agreed(["B", "(B) blue", "blue", "red"], question=_OPTIONS, metadata='{"equality": "choice"}')
    assert agreed == Agreed("B", 3, 4)


def test_an_answer_that_could_be_no_gold_answer_is_none() -> None:
    agreed = _agreed(["purple", "purple", "B"], question=_OPTIONS, metadata='{"equality": "choice"}')
    assert agreed.answer is None


_SAID = st.lists(st.sampled_from([*_QUARTERS, *_HALVES, None]), min_size=2, max_size=9)


@settings(max_examples=60, deadline=None)
@given(_SAID, st.randoms(use_true_random=False))
def test_neither_order_nor_form_of_equal_answers_matters(said: list[str | None], random: Random) -> None:
    plain = _agreed([_plain(answer) for answer in said], metadata=_NUMERIC)
    agreed = _agreed(said, metadata=_NUMERIC)
    assert replace(agreed, answer=_plain(agreed.answer)) == plain
    random.shuffle(said)
    assert _agreed(said, metadata=_NUMERIC) == agreed


def test_neither_order_nor_form_matters_to_mathematics() -> None:
    random = Random(5)
    said = {f"t{n}": random.choices([*_QUARTERS, *_HALVES, None], k=random.randint(2, 9)) for n in range(40)}
    variants: dict[str, list[tuple[str, bool] | None]] = {}
    for task_id, answers in said.items():
        shuffled = random.sample(answers, len(answers))
        for name, each in (("", answers), ("-shuffled", shuffled), ("-plain", [_plain(answer) for answer in answers])):
            variants[task_id + name] = [None if answer is None else (answer, True) for answer in each]
    agreed = agreed_answers({name: _task(name) for name in variants}, variants, 0.5, Path())
    for task_id in said:
        own = agreed[task_id]
        assert agreed[f"{task_id}-shuffled"] == own
        assert agreed[f"{task_id}-plain"] == replace(own, answer=_plain(own.answer))
    assert {each.answer is None for each in agreed.values()} == {True, False}


def _plain(answer: str | None) -> str | None:
    return None if answer is None else "0.25" if answer in _QUARTERS else "0.5"


# In a run


def _run(folder: Path, recipe: str = _RECIPE, tasks: list[dict[str, Any]] | None = None) -> Run:
    (folder / "recipe.yaml").write_text(recipe)
    run = Run.create(load_recipe(folder / "recipe.yaml"), folder / "run")
    with run.rewrite(TASKS) as out:
        out.write(TASKS.frame(tasks or [_task("t")]))
    return run


def _trace(number: int, response: str, privilege: str = "unguided", **columns: Any) -> dict[str, Any]:
    named = {"trace_id": f"t{number}", "task_id": "t", "privilege": privilege, "response": response, "round": 0}
    return dict.fromkeys(TRACES.schema.names()) | named | {"finish_reason": "stop"} | columns


def _verdicts(run: Run, traces: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    with run.rewrite(TRACES) as out:
        out.write(TRACES.frame(traces))
    STAGE.make(run)
    return {row["trace_id"]: row for row in pl.concat(run.parts(VERDICTS)).to_dicts()}


def _boxed(*answers: str, privilege: str = "unguided", **columns: Any) -> list[dict[str, Any]]:
    return [_trace(n, rf"So \boxed{{{answer}}}.", privilege, **columns) for n, answer in enumerate(answers)]


def test_guided_traces_are_graded_against_what_the_unguided_ones_agree_on(tmp_path: Path) -> None:
    guided = [_trace(10, r"\boxed{3}", "solution"), _trace(11, r"\boxed{6/2}", "solution"), _trace(12, r"\boxed{4}")]
    verdicts = _verdicts(_run(tmp_path), [*_boxed("3", "3.0", "4"), *guided[:2]])
    assert {key: row["verdict"] for key, row in verdicts.items()} == {
        "t0": "correct", "t1": "correct", "t2": "wrong", "t10": "correct", "t11": "correct",
    }  # fmt: skip
    assert verdicts["t11"]["score"] == pytest.approx(2 / 3, abs=1e-6)
    assert verdicts["t2"]["score"] == 0
    assert verdicts["t10"]["detail"] == "consensus of 2 of 3 unguided samples: 3"


def test_guided_traces_have_no_vote(tmp_path: Path) -> None:
    guided = [_trace(10 + n, r"\boxed{9}", "solution") for n in range(5)]
    verdicts = _verdicts(_run(tmp_path), [*_boxed("3", "3"), *guided])
    assert {row["verdict"] for key, row in verdicts.items() if int(key[1:]) >= 10} == {"wrong"}


def test_later_rounds_change_no_verdict(tmp_path: Path) -> None:
    later = [_trace(20 + n, r"\boxed{9}", round=1) for n in range(5)]
    verdicts = _verdicts(_run(tmp_path), [*_boxed("3", "3"), *later])
    assert (verdicts["t0"]["verdict"], verdicts["t20"]["verdict"]) == ("correct", "wrong")


def test_tasks_without_a_consensus_are_ungradable_with_the_counts(tmp_path: Path) -> None:
    silent = _trace(7, "")
    cut = _trace(8, "First,", finish_reason="length")
    verdicts = _verdicts(_run(tmp_path), [*_boxed("1", "2", "3"), silent, cut])
    assert verdicts["t0"]["verdict"] == "ungradable"
    assert verdicts["t0"]["score"] is None
    assert verdicts["t0"]["extracted_answer"] == "1"
    assert "1 of 5 unguided samples agree" in verdicts["t0"]["detail"]
    assert (verdicts["t7"]["verdict"], verdicts["t8"]["verdict"]) == ("no_answer", "truncated")


def test_new_samples_grade_the_old_ones_again(tmp_path: Path) -> None:
    run = _run(tmp_path)
    assert _verdicts(run, _boxed("1", "1"))["t0"]["verdict"] == "correct"
    assert _verdicts(run, _boxed("1", "1", "2", "2", "2"))["t0"]["verdict"] == "wrong"


def test_a_gold_answer_gives_no_verdict(tmp_path: Path) -> None:
    run = _run(tmp_path, tasks=[_task("t", answer="8")])
    verdicts = _verdicts(run, [*_boxed("1", "1"), _trace(5, r"\boxed{8}", "solution")])
    assert (verdicts["t0"]["verdict"], verdicts["t5"]["verdict"]) == ("correct", "wrong")
    assert pl.concat(run.parts(TASKS))["answer"].to_list() == ["8"]  # leaks are looked for by it, and by no other


def test_agreement_with_gold_answers_is_counted(tmp_path: Path) -> None:
    golds = {"a": "0.5", "b": "7", "c": None, "d": "1"}
    run = _run(tmp_path, tasks=[_task(name, answer=gold) for name, gold in golds.items()])
    said = {"a": ("1/2", ".5"), "b": ("8", "8", "7"), "c": ("3", "3"), "d": ("1", "2")}
    boxed = [(task_id, rf"\boxed{{{answer}}}") for task_id, answers in said.items() for answer in answers]
    with run.rewrite(TRACES) as out:
        out.write(TRACES.frame([_trace(n, text, task_id=task_id) for n, (task_id, text) in enumerate(boxed)]))
    outcome = STAGE.make(run)
    counts = outcome.counts["consensus"]
    assert {key: counts[key] for key in ("tasks", "agreed", "compared", "same")} == {
        "tasks": 4, "agreed": 3, "compared": 2, "same": 1,
    }  # fmt: skip
    assert 0 < counts["low"] < 0.5 < counts["high"] < 1
    assert any("for 3 of 4 tasks enough unguided samples agree" in note for note in outcome.notes)
    assert any("in 1 of the 2 tasks that have one (50.0%" in note for note in outcome.notes)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("samples: 4", "samples: 1", "needs 2 unguided samples or more of a task, and the recipe makes 1"),
        ("[unguided, solution]", "[solution]", "and the recipe makes 0"),
        ("verifier: consensus", "verifier: math, equality: exact", "is for `verifier: consensus`"),
        ("verifier: consensus", "verifier: consensus, equality: regex", "allowed: math, choice, exact, numeric"),
        ("verifier: consensus", "verifier: math", "graded against a gold answer"),
        ("generate:", "verify: {judge: {by: {backend: embedded}}}\ngenerate:", "no source has `verifier: judge`"),
        ("generate:", "verify: {consensus: {minimum: 1.5}}\ngenerate:", "1"),
    ],
)
def test_what_a_recipe_may_not_say(tmp_path: Path, old: str, new: str, problem: str) -> None:
    (tmp_path / "recipe.yaml").write_text(_RECIPE.replace(old, new))
    with pytest.raises(RecipeError, match=problem):
        load_recipe(tmp_path / "recipe.yaml")
