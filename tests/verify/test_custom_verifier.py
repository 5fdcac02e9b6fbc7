"""A user's own grader: found, called, bounded, and known by its source."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from infogap.api.check_recipe import checked
from infogap.errors import InputError
from infogap.recipe import load_recipe
from infogap.runs.run_folder import Run
from infogap.schema import TASKS, TRACES, VERDICTS
from infogap.user_objects import source_digest
from infogap.verify import STAGE
from infogap.verify.base import Grade, Item
from infogap.verify.grade_traces import prepared
from infogap.verify.grading_pool import grade_all
from infogap.verify.verifiers import verifier

_DOCUMENTED = Path(__file__).parents[2] / "docs" / "verifiers.md"
_RECIPE = """
name: trial
tasks:
  - from: words.jsonl
    verifier: grading:anagram
teacher: {backend: embedded}
generate: {privileges: [unguided]}
"""
_GRADERS = r'''
import os, sys, time

def by_word(response, answer, task):
    """Does what the response says, as graders may."""
    print("on standard output")
    return {
        "true": lambda: True,
        "false": lambda: False,
        "half": lambda: 0.5,
        "tenths": lambda: sum([0.1] * 10),
        "none": lambda: None,
        "pair": lambda: (1, "found"),
        "none, found": lambda: (None, "found"),
        "keys": lambda: (answer == "gold" and task["metadata"] == {"row": 7}, str(sorted(task))),
        "two": lambda: 2.0,
        "nan": lambda: float("nan"),
        "text": lambda: "yes",
        "bytes": lambda: (1, b"found"),
        "raise": lambda: {}["missing"],
        "exit": lambda: sys.exit("done"),
        "interrupt": lambda: (_ for _ in ()).throw(KeyboardInterrupt),
        "recurse": lambda: recurse(0),
        "memory": lambda: bytearray(8 << 30),
        "die": lambda: os._exit(3),
        "hang": lambda: time.sleep(60),
        "spin": lambda: 9 ** 9 ** 9 ** 9,
    }[response.strip()]()

def recurse(depth):
    return recurse(depth + 1)
'''


def _task(**changes: Any) -> dict[str, Any]:
    given = {"task_id": "t", "family": "words", "question": "?", "answer": "gold", "verifier": "graders:by_word"}
    return dict.fromkeys(TASKS.schema.names()) | given | {"metadata": '{"row": 7}'} | changes


def _item(response: str) -> Item:
    item = prepared(_task(), {"response": response, "reasoning": "", "finish_reason": "stop", "error": None})
    assert isinstance(item, Item)
    return item


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "graders.py").write_text(_GRADERS)
    return tmp_path


def _graded(folder: Path, responses: list[str], **settings: Any) -> dict[str, Grade]:
    work = [(response, _item(response)) for response in responses]
    return dict(grade_all(work, verifiers=["graders:by_word"], folder=folder, **settings))


def test_what_it_returns_is_the_verdict(folder: Path) -> None:
    keys = "['answer', 'difficulty', 'family', 'metadata', 'question', 'source', 'task_id']"
    assert _graded(folder, ["true", "false", "half", "tenths", "none", "pair", "none, found", "keys"]) == {
        "true": Grade("correct", None, 1.0),
        "false": Grade("wrong", None, 0.0),
        "half": Grade("wrong", None, 0.5),
        "tenths": Grade("correct", None, 1.0),
        "none": Grade("no_answer", None),
        "pair": Grade("correct", "found", 1.0),
        "none, found": Grade("no_answer", "found"),
        "keys": Grade("correct", keys, 1.0),
    }


def test_what_it_may_not_return_is_named(folder: Path) -> None:
    found = _graded(folder, ["two", "nan", "text", "bytes"])
    assert {grade.verdict for grade in found.values()} == {"ungradable"}
    assert found["two"].detail == "the grader returned 2.0 (float), not True, False or a score from 0 to 1"
    assert "nan (float)" in str(found["nan"].detail)
    assert "'yes' (str)" in str(found["text"].detail)
    assert found["bytes"].detail == "the grader's answer is no text but b'found' (bytes)"


def test_whatever_it_does_costs_its_item_alone(folder: Path) -> None:
    ill = {
        "raise": "the grader failed (KeyError: 'missing')",
        "exit": "the grader failed (SystemExit: done)",
        "interrupt": "the grader failed (KeyboardInterrupt)",
        "recurse": "the grader failed (RecursionError: maximum recursion depth exceeded",
        "memory": "grading took more than 2 GiB of memory",
        "die": "grading ended its process (exit code 3)",
        "hang": "grading took more than 1 s",
        "spin": "grading took more than 1 s",
    }
    responses = [text for number, bad in enumerate(ill) for text in (" " * number + "true", bad)]
    started = time.monotonic()
    found = _graded(folder, responses, limit=1.0, deadline=1.0, workers=1)
    seconds = time.monotonic() - started
    assert [grade.verdict for grade in found.values()] == ["correct", "ungradable"] * len(ill)
    for response, said in ill.items():
        assert str(found[response].detail).startswith(said)
    assert seconds < 12  # two limits of a second, and four starts of a worker


def test_the_stated_answer_stands_beside_the_verdict() -> None:
    item = _item(r"So \boxed{27}.")
    assert (item.answer, item.stated, item.response) == ("27", True, r"So \boxed{27}.")


def test_traces_without_an_answer_are_not_shown_to_it() -> None:
    def verdict(response: str, finish_reason: str) -> str:
        trace = {"response": response, "reasoning": "", "finish_reason": finish_reason, "error": None}
        found = prepared(_task(), trace)
        return found.verdict if isinstance(found, Grade) else "graded"

    assert verdict("", "length") == "truncated"
    assert verdict("First, 27 is", "length") == "truncated"
    assert verdict(r"It is \boxed{27}, becau", "length") == "graded"
    assert verdict(" ", "stop") == "no_answer"
    assert verdict("x" * 1_000_000, "stop") == "graded"


def test_its_gold_answers_may_be_anything() -> None:
    golds = [("?", "assert f(1) == 2\n" * 1_000), ("?", "(")]
    assert verifier("graders:by_word").check_golds(golds) == [None, None]


def _documented(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", _DOCUMENTED.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    return found[1]


def _run(folder: Path, grader: str) -> Run:
    recipe = _RECIPE.replace("tasks:\n  - from: words.jsonl\n    verifier: grading:anagram\n", _documented("yaml"))
    (folder / "recipe.yaml").write_text(recipe)
    (folder / "words.jsonl").write_text('{"question": "An anagram of silent?", "answer": "listen"}\n')
    (folder / "grading.py").write_text(grader)
    run = Run.create(load_recipe(folder / "recipe.yaml"), folder / "run")
    with run.rewrite(TASKS) as out:
        out.write(TASKS.frame([_task(task_id="w", answer="listen", verifier="grading:anagram")]))
    with run.rewrite(TRACES) as out:
        texts = {"a": "It is **Silent**.", "b": "Perhaps tinsels.", "c": "Lists!", "d": "?"}
        empty = dict.fromkeys(TRACES.schema.names()) | {"task_id": "w", "finish_reason": "stop"}
        out.write(TRACES.frame([empty | {"trace_id": key, "response": text} for key, text in texts.items()]))
    return run


def test_the_documented_example(tmp_path: Path) -> None:
    run = _run(tmp_path, _documented("python"))
    assert checked(tmp_path / "recipe.yaml").recipe.table_sources[0].verifier == "grading:anagram"
    STAGE.make(run)
    rows = pl.concat(run.parts(VERDICTS)).select("verdict", "extracted_answer", "score").rows()
    assert rows == [("correct", "silent", 1.0), ("wrong", "tinsels", 0.0), ("wrong", "lists", 0.0), ("wrong", "?", 0.0)]
    assert not (tmp_path / "__pycache__").exists()


def test_another_source_is_another_fingerprint(tmp_path: Path) -> None:
    run = _run(tmp_path, _documented("python"))
    before = STAGE.part(run)
    assert STAGE.part(run) == before
    (tmp_path / "grading.py").write_text(_documented("python") + "# mended\n")
    assert STAGE.part(run) != before


def test_a_package_is_known_by_all_its_files(tmp_path: Path) -> None:
    (tmp_path / "own" / "more").mkdir(parents=True)
    (tmp_path / "own" / "more" / "rules.py").write_text("def f(r, a, t): return True\n")
    first = source_digest("own.more.rules:f", tmp_path)
    (tmp_path / "own" / "shared.py").write_text("x = 1\n")
    second = source_digest("own.more.rules:f", tmp_path)
    assert first and second and first != second
    assert source_digest("nowhere_at_all:f", tmp_path) is None
    assert source_digest("json:loads", tmp_path)  # an installed module


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (None, "there is no module 'grading', neither beside the recipe nor installed"),
        ("import nowhere_at_all\n", "importing 'grading' fails: ModuleNotFoundError: No module named 'nowhere_at_all'"),
        ("1 +\n", "importing 'grading' fails: SyntaxError"),
        ("raise SystemExit(2)\n", "importing 'grading' fails: SystemExit: 2"),
        ("import os\nos._exit(2)\n", "importing 'grading' ends the process"),
        ("def anagrams(r, a, t): ...\n", "has no 'anagram' (did you mean 'anagrams'?)"),
        ("anagram = 7\n", "'grading:anagram' is not a function that can be called: it is of type int"),
        ("async def anagram(r, a, t): ...\n", "it is async"),
        (
            "def anagram(response, answer): ...\n",
            "must take three arguments, the response, the gold answer and the task",
        ),
    ],
)
def test_check_says_what_is_missing_and_where(tmp_path: Path, source: str | None, said: str) -> None:
    (tmp_path / "recipe.yaml").write_text(_RECIPE)
    (tmp_path / "words.jsonl").write_text('{"question": "?", "answer": "a"}\n')
    if source is not None:
        (tmp_path / "grading.py").write_text(source)
    with pytest.raises(InputError) as error:
        checked(tmp_path / "recipe.yaml")
    (line,) = str(error.value).splitlines()
    assert line.startswith(f"{tmp_path / 'recipe.yaml'}:5: tasks[0].verifier: ")
    assert said in line


def test_a_module_that_goes_missing_ends_the_stage_at_once(folder: Path) -> None:
    (folder / "graders.py").unlink()
    with pytest.raises(InputError, match=r"^there is no module 'graders', neither beside the recipe nor installed"):
        _graded(folder, ["true"])


@pytest.mark.parametrize(
    "name", ["nummeric", "gym", "grading.py:score", "../grading:score", "grading:", ":score", "a:b:c"]
)
def test_other_names_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "recipe.yaml").write_text(_RECIPE.replace("grading:anagram", f"'{name}'"))
    allowed = "allowed: math, choice, code, consensus, exact, judge, numeric, regex, or your own function"
    with pytest.raises(InputError, match=allowed):
        load_recipe(tmp_path / "recipe.yaml")
