"""Say what a run's teachers cost: their tokens, and the price of these."""

from __future__ import annotations

from dataclasses import dataclass

from infogap.runs.run_folder import Run
from infogap.schema import TRACES


@dataclass(frozen=True)
class Spent:
    """One teacher's tokens, with the sum of all teachers last if there are several."""

    teacher: str
    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True)
class TeacherCosts:
    """What a run's teachers cost. `cost` is in the unit of the recipe's prices; None without any."""

    tokens: list[Spent]
    cost: float | None


def teacher_costs(run: Run) -> TeacherCosts:
    """Read the run's tokens and cost from its manifest."""
    manifest = run.manifest(TRACES.name)
    counts = manifest.counts if manifest is not None and run.recipe.generate is not None else {}
    tokens = []
    if "completion_tokens" in counts:
        of_teachers = counts.get("teachers", {})
        tokens = [Spent(name, each["prompt_tokens"], each["completion_tokens"]) for name, each in of_teachers.items()]
        tokens.append(Spent("all" if tokens else "", counts["prompt_tokens"], counts["completion_tokens"]))
    return TeacherCosts(tokens, counts.get("cost"))
