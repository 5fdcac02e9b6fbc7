"""Forty small tasks: their solutions pass, and with one token broken they do not."""

from __future__ import annotations

import ast
import difflib
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infogap.verify.base import Grade
from infogap.verify.grading_pool import grade_all
from infogap.verify.programs import bubblewrap
from infogap.verify.verifiers.code import VERIFIER
from verify.programs.small_functions import TASKS, SmallTask

pytestmark = pytest.mark.usefixtures("sandbox")

# Changes that no test can tell from the solution, by the function and the line that they change.
EQUIVALENT = {
    ("caesar", "if 'a' <= letter <= 'z!':"),  # no single letter is between
    ("mean", "raise ValueError('no numbers!')"),
    ("rotate", "return items[-places:] + items[:-places] if items else list(items)"),  # by 0 places: all of it
    ("merge", "if first[i] < second[j]:"),  # equal numbers cannot be told apart
    ("index_of", "if items[middle] <= wanted:"),  # they are not equal there
    ("triangle", "if a < 0 or a + b <= c:"),  # with a side of 0 the others are no larger
    ("triangle", "if b <= 0 or a + b <= c:"),
}


def graded(task: SmallTask, response: str) -> Grade:
    return VERIFIER.grade(task.item(response))


def in_plain_python(task: SmallTask, program: str) -> bool:
    """Run a program with its tests as HumanEval's harness does: one file, no sandbox. It is a change of our own."""
    whole = f"{program}\n{task.test}\ncheck({task.entry_point})\n"
    try:
        ran = subprocess.run([sys.executable, "-I", "-c", whole], capture_output=True, timeout=5, check=False)
    except subprocess.TimeoutExpired:
        return False
    return ran.returncode == 0


def test_all_solutions_pass_as_bodies_and_as_whole_programs() -> None:
    assert len(TASKS) >= 40
    work = [(f"{task.entry_point} body", task.item(task.canonical_solution)) for task in TASKS]
    work += [(f"{task.entry_point} stripped", task.item(task.canonical_solution.strip())) for task in TASKS]
    work += [(f"{task.entry_point} whole", task.item(f"So:\n```python\n{task.whole}```\n")) for task in TASKS]
    grades = dict(grade_all(work, verifiers={"code"}))
    assert {key: grade for key, grade in grades.items() if grade.verdict != "correct"} == {}
    assert all(grade.score == 1 and grade.detail is None for grade in grades.values())


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_with_one_token_broken_a_solution_fails(monkeypatch: pytest.MonkeyPatch, data: st.DataObject) -> None:
    monkeypatch.setattr(bubblewrap, "SECONDS", 1)
    task = data.draw(st.sampled_from(TASKS))
    program = data.draw(st.sampled_from(task.broken()))
    grade = graded(task, f"```python\n{program}\n```")
    before, after = ast.unparse(ast.parse(task.whole)).splitlines(), program.splitlines()
    changed = [line[2:].strip() for line in difflib.ndiff(before, after) if line.startswith("+ ")]
    is_equivalent = any((task.entry_point, line) in EQUIVALENT for line in changed)
    assert grade.verdict == ("correct" if is_equivalent else "wrong"), program
    assert (grade.verdict == "correct") == in_plain_python(task, program)
    assert is_equivalent or grade.detail


def test_many_workers_give_the_verdicts_of_one() -> None:
    work = [(str(place), task.item(program)) for place, task in enumerate(TASKS[:8]) for program in task.broken()[:2]]
    several, one = (list(grade_all(work, verifiers={"code"}, workers=workers)) for workers in (3, 1))
    assert several == one
    assert {grade.verdict for _, grade in one} <= {"correct", "wrong"}


def test_a_response_without_a_program_has_no_answer() -> None:
    assert graded(TASKS[0], "I would rather not.").verdict == "no_answer"
    assert graded(TASKS[0], "```text\nnothing\n```").verdict == "no_answer"


def test_tests_that_cannot_be_read_are_ungradable() -> None:
    task = TASKS[0]
    item = task.item(task.whole)
    for gold in (None, "", "import numpy\nassert f(1)", "[1]"):
        grade = VERIFIER.grade(type(item)(**{**vars(item), "gold": gold}))
        assert (grade.verdict, grade.score) == ("ungradable", None)


def test_verdicts_depend_on_the_interpreter_and_on_bubblewrap() -> None:
    assert VERIFIER.programs() == {"python": sys.version.split()[0], "bubblewrap": bubblewrap.version()}


def test_no_program_is_run_in_this_process() -> None:
    marks = "import sys\nsys.was_here = True\n"
    assert graded(TASKS[0], f"```python\n{marks}{TASKS[0].whole}```").verdict == "correct"
    assert not hasattr(sys, "was_here")
