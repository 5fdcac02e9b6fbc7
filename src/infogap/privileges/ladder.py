"""The ladder of privileges: one table, from the student's own prompt to the whole worked solution."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Need = Literal["answer", "solution"]
"""What a task must have for a privilege."""
AttemptKind = Literal["wrong", "right"]
"""Which attempts of its own a teacher is shown: those that the verifier calls wrong, or right."""


@dataclass(frozen=True)
class Privilege:
    """One rung: `richness` ranks how much the teacher is told; `needs` is what a task must have for it.

    A privilege with `attempts` shows traces that the same run has made under another privilege, by default the
    one that `attempts_from` names. A control `imitates` a privilege: it is worded and ranked like it, without the
    knowledge. A style tells the teacher how to write besides what it tells it of the task. What is for `scoring`
    only writes no traces.
    """

    name: str
    richness: float
    needs: tuple[Need, ...]
    shows: str
    options: tuple[str, ...] = ()
    imitates: str | None = None
    style: bool = False
    attempts: AttemptKind | None = None
    attempts_from: str = "unguided"
    scoring: bool = False

    @property
    def role(self) -> Literal["privilege", "control", "style", "scoring"]:
        if self.scoring:
            return "scoring"
        if self.style:
            return "style"
        return "control" if self.imitates else "privilege"


_SOLUTION: tuple[Need, ...] = ("solution",)
LADDER: tuple[Privilege, ...] = (
    Privilege("unguided", 0, (), "nothing"),
    Privilege("hint", 1, _SOLUTION, "the beginning of the solution", ("fraction", "steps")),
    Privilege("masked_solution", 2, _SOLUTION, "the solution with its values masked"),
    Privilege("answer", 3, ("answer",), "the gold answer"),
    Privilege("decoy_answer", 3, ("answer",), "a wrong answer of the same form", imitates="answer"),
    Privilege(
        "verifier",
        4,
        (),
        "its wrong attempts and the verdicts",
        ("from", "turns", "verdict"),
        attempts="wrong",
    ),
    Privilege("peers", 5, (), "a right attempt and a wrong one", ("from",), attempts="right"),
    Privilege("solution_no_think", 6, (), "a right attempt without its thought", ("from",), attempts="right"),
    Privilege(
        "regenerated",
        7,
        (),
        "its right trace under the solution",
        ("from",),
        attempts="right",
        attempts_from="solution",
    ),
    Privilege("solution", 8, _SOLUTION, "the whole worked solution"),
    Privilege("decoy_solution", 8, _SOLUTION, "another task's solution", imitates="solution"),
    Privilege("irrelevant", 8, _SOLUTION, "other text as long as the solution", imitates="solution"),
    Privilege("confident_rewrite", 8, _SOLUTION, "the solution, told to show no doubt", ("from",), style=True),
    Privilege("reference_only", 8, _SOLUTION, "the solution without the question", scoring=True),
)
BY_NAME = {privilege.name: privilege for privilege in LADDER}
