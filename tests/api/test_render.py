"""The prompts that teachers read, for a task that is in no run."""

from __future__ import annotations

import pytest

import infogap

TASK = {"question": "What is 2 + 2?", "answer": "4", "solution": "2 + 2 is twice 2. So it is 4."}


def test_the_context_stands_between_question_and_instruction() -> None:
    unguided = infogap.render(TASK, "unguided")
    question, instruction = unguided.split("\n\n")
    assert question == TASK["question"]
    solution = infogap.render(TASK, "solution")
    assert solution.startswith(question) and solution.endswith(instruction)
    assert TASK["solution"] in solution
    assert infogap.render(TASK, "solution", wording="kim2026") != solution
    assert infogap.render(TASK, "unguided", instruction="Be brief.").endswith("Be brief.")


def test_options_and_controls() -> None:
    hint = infogap.render(TASK, {"hint": {"steps": 1}})
    assert "twice 2" in hint and "So it is 4" not in hint
    assert "\n4\n" not in infogap.render(TASK, "decoy_answer")


@pytest.mark.parametrize(
    ("privilege", "message"),
    [
        ("solutoin", "did you mean 'solution'"),
        ({"hint": {"fracton": 0.3}}, "fracton"),
        ("peers", "no right attempt"),
        ("decoy_solution", "no other solution"),
    ],
)
def test_what_cannot_be_rendered_says_why(privilege: str, message: str) -> None:
    with pytest.raises(infogap.InputError, match=message):
        infogap.render(TASK, privilege)


def test_a_task_without_a_solution_or_a_question() -> None:
    with pytest.raises(infogap.InputError, match="no solution"):
        infogap.render({"question": "?"}, "solution")
    with pytest.raises(infogap.InputError, match="no question"):
        infogap.render({}, "unguided")
    with pytest.raises(infogap.InputError, match="wording"):
        infogap.render(TASK, "unguided", wording="nobody")
