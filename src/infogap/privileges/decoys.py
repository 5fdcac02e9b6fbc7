"""Controls that show a wrong answer or another task's solution: what they change is style, not knowledge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from infogap.privileges.base import Attempt, Privilege, Task, or_unmet

if TYPE_CHECKING:
    from infogap.privileges.decoy_search import Decoys


class DecoyAnswer(Privilege):
    """A wrong answer of the gold answer's form."""

    name = "decoy_answer"
    richness = 3
    needs = ("answer",)
    shows = "a wrong answer of the same form"
    imitates = "answer"
    contrasts = (("answer", "same wording and form; only the one answer is right"),)
    shows_work = False
    from_other_tasks = True
    graded = True  # the task's verifier says which answers are wrong

    def write(self, task: Task, attempts: Sequence[Attempt], decoys: Decoys) -> Mapping[str, Any]:
        return {"answer": or_unmet(decoys.answer(task), "no plausible wrong answer")}


class DecoySolution(Privilege):
    """The solution of another task of the family."""

    name = "decoy_solution"
    richness = 8
    needs = ("solution",)
    shows = "another task's solution"
    imitates = "solution"
    contrasts = (("solution", "both worked solutions; only the one is of this task"),)
    unrelated = True
    from_other_tasks = True

    def write(self, task: Task, attempts: Sequence[Attempt], decoys: Decoys) -> Mapping[str, Any]:
        return {"solution": or_unmet(decoys.solution(task), "no other solution in the family")}


DECOY_ANSWER = DecoyAnswer()
DECOY_SOLUTION = DecoySolution()
