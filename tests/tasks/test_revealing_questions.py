"""Questions that hold their own answer or solution are counted and said; those that only mention a value are not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from infogap.tasks import STAGE
from infogap.tasks.revealing_questions import holds_answer, holds_solution
from tasks.small_recipes import task_run, write_jsonl

SOLUTION = "Add the eleven copper pieces to the twenty silver ones, which makes thirty one pieces in all."


@pytest.mark.parametrize(
    ("question", "answer", "holds"),
    [
        ("What is 6 * 7? The answer is 42.", "42", True),
        ("What is 6 * 7?\nAnswer: $42$", "42", True),
        ("What is 6 * 7? \\boxed{42}", "42", True),
        ("What is 6 * 7?\n#### 42", "42", True),
        ("Which is it? (A) 1 (B) 2. The correct answer is B.", "B", True),
        ("There are 6 boxes of 7 eggs. How many eggs? (gold answer: 42)", "42", True),
        ("How many eggs? [Solution = $42$]", "42", True),
        ("Repeat: the quick brown fox jumps.", "the quick brown fox jumps", True),
        ("What is 42 * 1?", "42", False),
        ("What is 6 * 7? The answer is not 42, is it?", "42", False),
        ("What is 6 * 7? The answer is a number.", "42", False),
        ("Which is it? (A) 1 (B) 2", "B", False),
        ("The solution of 2x = 84 is sought. What is x?", "42", False),
        ("Is 42 the answer?", "42", False),
        ("End with the answer in \\boxed{}. What is 6 * 7?", "42", False),
    ],
)
def test_an_answer_that_the_question_states(question: str, answer: str, holds: bool) -> None:
    assert holds_answer(question, answer) == holds


@pytest.mark.parametrize(
    ("question", "solution", "holds"),
    [
        (f"How many pieces? {SOLUTION}", SOLUTION, True),
        (f"How many pieces? {SOLUTION.upper().replace(',', ' ')}", SOLUTION, True),
        ("How many? Add the two numbers up.", "Add the two numbers up.", True),
        ("There are eleven copper pieces and twenty silver ones. How many?", SOLUTION, False),
        ("Add the eleven copper pieces to the twenty silver ones.", SOLUTION, False),  # which begins with the question
        ("Add them. How many?", "Add them.", False),
    ],
)
def test_a_solution_that_the_question_holds(question: str, solution: str, holds: bool) -> None:
    assert holds_solution(question, solution) == holds


def test_they_are_counted_and_said(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"question": "What is 2 + 2? The answer is 4.", "answer": "4", "how": "Two and two."},
        {"question": f"How many? {SOLUTION}", "answer": "31", "how": SOLUTION},
        {"question": "What is 1 + 1?", "answer": "2", "how": None},
    ]
    write_jsonl(tmp_path / "sums.jsonl", rows)
    outcome = STAGE.make(task_run(tmp_path, "  - {from: sums.jsonl, columns: {solution: how}}"))
    assert outcome.counts["questions_with_their_answer"] == outcome.counts["questions_with_their_solution"] == 1
    (note,) = outcome.notes
    assert "hold what only a teacher may see: 1 their gold answer, 1 their worked solution" in note
    assert "'What is 2 + 2? The answer is 4.'" in note
