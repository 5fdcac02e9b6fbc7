"""Privileges that show a task's own fields as they are: nothing, the gold answer, the worked solution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from infogap.privileges.base import Attempt, AttemptKind, Privilege, Task

if TYPE_CHECKING:
    from infogap.privileges.decoys import Decoys


class Unguided(Privilege):
    """The empty privilege: the teacher reads the student's prompt."""

    name = "unguided"
    richness = 0
    shows = "nothing"
    is_unguided = True
    holds_answer = False


class Answer(Privilege):
    """The gold answer."""

    name = "answer"
    richness = 3
    needs = ("answer",)
    shows = "the gold answer"
    shows_work = False


class Solution(Privilege):
    """The whole worked solution."""

    name = "solution"
    richness = 8
    needs = ("solution",)
    shows = "the whole worked solution"


@dataclass(frozen=True)
class ConfidentRewrite(Privilege):
    """The extreme of style: a solution, or with `from` a right trace, to be rewritten without any doubt."""

    from_: str | None = None

    name = "confident_rewrite"
    richness = 8
    needs = ("solution",)
    shows = "the solution, told to show no doubt"
    style = True
    contrasts = (("solution", "the same solution; the one wording forbids any doubt"),)

    @property
    def attempts(self) -> AttemptKind | None:
        return "right" if self.from_ else None

    @property
    def source(self) -> str | None:
        return self.from_

    def write(self, task: Task, attempts: Sequence[Attempt], decoys: Decoys) -> Mapping[str, Any]:
        right = [attempt for attempt in attempts if attempt.right]
        return {"solution": right[0].trace if self.from_ else task["solution"]}


class UncertainRewrite(ConfidentRewrite):
    """The other extreme of style: a solution, or with `from` a right trace, to be rewritten with doubts and checks."""

    name = "uncertain_rewrite"
    shows = "the solution, told to show doubt"
    contrasts = (("solution", "the same solution; the one wording asks for doubt"),)


class ReferenceOnly(Privilege):
    """The solution without the question: what the context alone makes likely. Traces are only scored under it."""

    name = "reference_only"
    richness = 8
    needs = ("solution",)
    shows = "the solution without the question"
    scoring = True


UNGUIDED = Unguided()
ANSWER = Answer()
SOLUTION = Solution()
CONFIDENT_REWRITE = ConfidentRewrite()
UNCERTAIN_REWRITE = UncertainRewrite()
REFERENCE_ONLY = ReferenceOnly()
