"""Privileges that show the teacher attempts of its own: traces that the run wrote under another privilege.

An attempt is shown without its thought, as chat templates drop it too, unless the whole trace is meant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from infogap.privileges.base import Attempt, Need, Privilege, Task, shown_gold
from infogap.text.thoughts import split
from infogap.verify.verifiers import is_known, verifier

if TYPE_CHECKING:
    from infogap.privileges.decoys import Decoys


@dataclass(frozen=True)
class ShowsAttempts(Privilege):
    """A privilege that shows attempts under the privilege that `from` names."""

    from_: str | None = None

    @property
    def source(self) -> str | None:
        return self.from_ or self.attempts_from


@dataclass(frozen=True)
class Verifier(ShowsAttempts):
    """Wrong attempts and the verdicts on them, turn after turn.

    With `verdict: answer` the gold answer too, with `verdict: test` the first test that each attempt fails.
    """

    turns: int = 1
    verdict: Literal["bare", "answer", "test"] = "bare"

    name = "verifier"
    richness = 4
    shows = "its wrong attempts and the verdicts"
    attempts = "wrong"
    labels_attempts = True

    @property
    def needs(self) -> tuple[Need, ...]:
        return ("answer",) if self.verdict == "answer" else ()

    @property
    def worded_as(self) -> str:
        return "verifier_test" if self.shows_failing_test else self.name

    @property
    def shows_failing_test(self) -> bool:
        return self.verdict == "test"

    def lacks(self, task: Task) -> str | None:
        if not self.shows_failing_test or (
            is_known(task["verifier"]) and verifier(task["verifier"]).names_failing_test
        ):
            return None
        return "no tests, whose failing one could be shown"

    def write(self, task: Task, attempts: Sequence[Attempt], decoys: Decoys) -> Mapping[str, Any]:
        wrong = [attempt for attempt in attempts if not attempt.right]
        shown = {"wrong": [attempt.response for attempt in wrong], "answer": shown_gold(task) if self.needs else ""}
        return shown | {"tests": [attempt.detail for attempt in wrong]}


@dataclass(frozen=True)
class Peers(ShowsAttempts):
    """A right attempt and, if there is one, a wrong one."""

    name = "peers"
    richness = 5
    shows = "a right attempt and a wrong one"
    attempts = "right"
    beside = "wrong"
    labels_attempts = True

    def write(self, task: Task, attempts: Sequence[Attempt], decoys: Decoys) -> Mapping[str, Any]:
        wrong = _responses(attempts, right=False)
        return {"right": _responses(attempts, right=True)[0], "wrong": wrong[0] if wrong else ""}


@dataclass(frozen=True)
class SolutionNoThink(ShowsAttempts):
    r"""A right attempt, or a solution that has a thought, without the thought (Kim et al. 2026: c = s\think)."""

    name = "solution_no_think"
    richness = 6
    shows = "a right attempt without its thought"
    attempts = "right"
    shows_solution = True

    def needs_attempt(self, task: Task) -> bool:
        return _without_thought(task["solution"]) is None

    def write(self, task: Task, attempts: Sequence[Attempt], decoys: Decoys) -> Mapping[str, Any]:
        return {"solution": _without_thought(task["solution"]) or _responses(attempts, right=True)[0]}


@dataclass(frozen=True)
class Regenerated(ShowsAttempts):
    """The trace that the teacher wrote when it was shown the solution, its thought included."""

    name = "regenerated"
    richness = 7
    shows = "its right trace under the solution"
    attempts = "right"
    attempts_from = "solution"

    def write(self, task: Task, attempts: Sequence[Attempt], decoys: Decoys) -> Mapping[str, Any]:
        return {"solution": next(attempt.trace for attempt in attempts if attempt.right)}


def _responses(attempts: Sequence[Attempt], *, right: bool) -> list[str]:
    return [attempt.response for attempt in attempts if attempt.right == right]


def _without_thought(solution: str | None) -> str | None:
    """Remove the thought from a solution that has one; None for others."""
    reasoning, response = split(solution or "")
    return response if reasoning and response else None


VERIFIER = Verifier()
PEERS = Peers()
SOLUTION_NO_THINK = SolutionNoThink()
REGENERATED = Regenerated()
