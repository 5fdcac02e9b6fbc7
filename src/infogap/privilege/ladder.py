"""The ladder of privileges: one table, from the student's own prompt to the whole worked solution."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Need = Literal["answer", "solution"]


@dataclass(frozen=True)
class Privilege:
    """One rung: `richness` ranks how much the teacher is told; `needs` is what a task must have for it.

    A control `imitates` a privilege: it is worded and ranked like it, without the knowledge.
    """

    name: str
    richness: float
    needs: tuple[Need, ...]
    shows: str
    options: tuple[str, ...] = ()
    imitates: str | None = None


LADDER: tuple[Privilege, ...] = (
    Privilege("unguided", 0, (), "nothing besides the question"),
    Privilege("hint", 1, ("solution",), "the first part of the worked solution", ("fraction", "steps")),
    Privilege("answer", 3, ("answer",), "the gold answer"),
    Privilege("decoy_answer", 3, ("answer",), "a wrong answer of the same form", imitates="answer"),
    Privilege("solution", 8, ("solution",), "the whole worked solution"),
    Privilege("decoy_solution", 8, ("solution",), "the worked solution of another task", imitates="solution"),
)
BY_NAME = {privilege.name: privilege for privilege in LADDER}
