"""Answers scored by the real reasoning-gym, which must never run them."""

from __future__ import annotations

import ast
import inspect
import textwrap
from dataclasses import replace
from functools import cache
from pathlib import Path

import orjson
import pytest

from infogap.recipe.sources import GymTasks
from infogap.tasks.gather_tasks import gym_tasks
from infogap.verify.base import Item
from infogap.verify.gym_scoring import EVAL_MODULES, FORMULA_DATASETS, grade


@cache
def _task(name: str, index: int = 0) -> Item:
    source = GymTasks.model_validate({"from": "reasoning_gym", "names": [name], "count": 5})
    task = list(gym_tasks(source, name, 7))[index]
    return Item("gym", task.question, task.answer, orjson.dumps(task.metadata).decode(), task.answer or "")


@pytest.mark.parametrize("name", ["chain_sum", "gcd", "n_queens", "countdown", "simple_integration", "knights_knaves"])
def test_the_gold_answer_is_correct(name: str) -> None:
    graded = grade(_task(name))
    assert (graded.verdict, graded.score) == ("correct", 1.0)


def test_partial_credit_is_wrong_and_kept() -> None:
    item = _task("countdown")
    graded = grade(replace(item, answer="1 + 1"))
    assert graded.verdict == "wrong" and graded.score is not None and 0 < graded.score < 1


def test_an_answer_that_the_scorer_chokes_on_is_wrong() -> None:
    graded = grade(replace(_task("prime_factorization"), answer="two times three"))
    assert (graded.verdict, graded.score) == ("wrong", 0.0)
    assert graded.detail is not None and "ValueError" in graded.detail


def test_a_scorer_that_takes_everything_needs_the_gold_answer() -> None:
    for index in range(5):
        item = _task("game_of_life_halting", index)
        assert grade(item).verdict == "correct"
        assert grade(replace(item, answer="no idea")).verdict == "wrong"


def test_another_question_is_ungradable() -> None:
    graded = grade(replace(_task("gcd"), question="What is 2 + 2?"))
    assert graded.verdict == "ungradable" and graded.score is None


def test_a_task_that_cannot_be_made_again_is_ungradable() -> None:
    made_by = orjson.loads(_task("gcd").metadata or "")["gym"] | {"name": "no_such_dataset"}
    graded = grade(replace(_task("gcd"), metadata=orjson.dumps({"gym": made_by}).decode()))
    assert graded.verdict == "ungradable" and graded.detail is not None and "no_such_dataset" in graded.detail
    assert grade(replace(_task("gcd"), metadata=None)).verdict == "ungradable"


@pytest.mark.parametrize("name", ["string_insertion", "spiral_matrix", "binary_matrix", "n_queens", "countdown"])
def test_a_models_text_is_never_run(name: str, tmp_path: Path) -> None:
    target = tmp_path / "touched"
    text = f"__import__('pathlib').Path({str(target)!r}).touch()"
    spelled = "exec(" + "+".join(f"chr({ord(character)})" for character in text) + ")"
    for answer in (text, spelled, f"[{text}]"):
        assert grade(replace(_task(name), answer=answer)).verdict == "wrong"
    assert not target.exists()


def test_formulas_of_known_functions_are_still_read() -> None:
    item = _task("simple_integration")
    integral = (item.gold or "").replace("C", "C_1")
    assert integral != item.gold
    assert grade(replace(item, answer=integral)).verdict == "correct"
    assert grade(replace(item, answer="sin(x)**2 + log(x)")).verdict == "wrong"


def test_every_scorer_that_runs_its_answer_is_known() -> None:
    """The installed reasoning-gym is searched: a new version may bring more of them."""
    from reasoning_gym.factory import DATASETS

    evals, formulas = set(), set()
    for name, (dataset, _) in DATASETS.items():
        source = ast.parse(textwrap.dedent(inspect.getsource(dataset.score_answer)))
        for call in (node for node in ast.walk(source) if isinstance(node, ast.Call)):
            function = ast.unparse(call.func).split(".")[-1]
            takes_answer = any(isinstance(node, ast.Name) and node.id == "answer" for node in ast.walk(call))
            if function in ("eval", "exec", "compile") and takes_answer:
                evals.add(dataset.__module__.removeprefix("reasoning_gym."))
            if function in ("parse_expr", "sympify", "parse_latex") and takes_answer:
                formulas.add(name)
    assert evals == set(EVAL_MODULES)
    assert formulas == FORMULA_DATASETS
