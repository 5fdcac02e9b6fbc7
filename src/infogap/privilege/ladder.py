"""The ladder of privileges: one table, from the student's own prompt to the whole worked solution."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Need = Literal["answer", "solution"]
NEEDS: tuple[Need, ...] = ("answer", "solution")


@dataclass(frozen=True)
class Privilege:
    """One rung: `richness` ranks how much the teacher is told; `needs` is what a task must have for it."""

    name: str
    richness: float
    kind: Literal["ladder", "control"]
    needs: tuple[Need, ...]
    shows: str
    options: tuple[str, ...] = ()


# A control has the richness of the privilege it imitates: the same form, without the knowledge.
LADDER: tuple[Privilege, ...] = (
    Privilege("unguided", 0, "ladder", (), "nothing besides the question"),
    Privilege("hint", 1, "ladder", ("solution",), "the first part of the worked solution", ("fraction", "steps")),
    Privilege("answer", 3, "ladder", ("answer",), "the gold answer"),
    Privilege("decoy_answer", 3, "control", ("answer",), "a wrong answer of the same form"),
    Privilege("solution", 8, "ladder", ("solution",), "the whole worked solution"),
    Privilege("decoy_solution", 8, "control", ("solution",), "the worked solution of another task"),
)
BY_NAME = {privilege.name: privilege for privilege in LADDER}
UNKNOWN = "unknown"  # for imported traces whose teacher's context nobody recorded
