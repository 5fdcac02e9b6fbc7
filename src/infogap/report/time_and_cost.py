"""Say what a run cost: the tokens of its teachers, their price, and the time of each stage."""

from __future__ import annotations

from dataclasses import dataclass

from infogap.runs.run_folder import Run
from infogap.runs.stage_times import stage_times
from infogap.schema import TRACES


@dataclass(frozen=True)
class Spent:
    """One teacher's tokens, with the sum of all teachers last if there are several."""

    teacher: str
    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True)
class TimeAndCost:
    """What a run cost. `cost` is in the unit of the recipe's prices, None without any; times are in seconds."""

    tokens: list[Spent]
    cost: float | None
    times: list[tuple[str, float, float]]  # stage, wall time and CPU time of its last run


def time_and_cost(run: Run) -> TimeAndCost:
    """Read the run's tokens and cost from its manifest, and the times from where the stages record them."""
    manifest = run.manifest(TRACES.name)
    counts = manifest.counts if manifest is not None and run.recipe.generate is not None else {}
    tokens = []
    if "completion_tokens" in counts:
        of_teachers = counts.get("teachers", {})
        tokens = [Spent(name, each["prompt_tokens"], each["completion_tokens"]) for name, each in of_teachers.items()]
        tokens.append(Spent("all" if tokens else "", counts["prompt_tokens"], counts["completion_tokens"]))
    return TimeAndCost(tokens, counts.get("cost"), stage_times(run))
