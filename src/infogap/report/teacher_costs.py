"""Say what a run's teachers, and its judge, cost: their tokens, and the price of these."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from infogap.publish.redaction import public_label
from infogap.runs.run_folder import Run
from infogap.schema import DERIVED, TRACES, VERDICTS


@dataclass(frozen=True)
class Spent:
    """One teacher's tokens, or the judge's, with the sum of all last if there are several."""

    teacher: str
    prompt_tokens: int
    completion_tokens: int

    @property
    def amounts(self) -> tuple[int, int]:
        """The tokens of prompts and of completions."""
        return self.prompt_tokens, self.completion_tokens


@dataclass(frozen=True)
class TeacherCosts:
    """What a run's teachers cost. `cost` is in the unit of the recipe's prices; None without any."""

    tokens: list[Spent]
    cost: float | None


def teacher_costs(run: Run) -> TeacherCosts:
    """Read the tokens and cost of a run's teachers, and of its judge's votes, from its manifests."""
    manifest = run.manifest(TRACES.name)
    of_derived = (DERIVED.name,) if run.recipe.derive else ()
    graded = [each for name in (VERDICTS.name, *of_derived) if (each := run.manifest(name)) is not None]
    counts = manifest.counts if manifest is not None and run.recipe.generate is not None else {}
    judge = run.recipe.verify.judge if run.recipe.verify else None
    of_judge = Counter[str]()
    for each in graded if judge is not None else ():
        of_judge.update(each.counts.get("judge", {}))
    tokens = []
    if "completion_tokens" in counts:
        of_teachers = counts.get("teachers", {})
        tokens = [Spent(name, each["prompt_tokens"], each["completion_tokens"]) for name, each in of_teachers.items()]
        tokens = tokens or [Spent("", counts["prompt_tokens"], counts["completion_tokens"])]
    if judge is not None and of_judge["prompt_tokens"]:
        tokens = [Spent("teacher", *tokens[0].amounts)] if len(tokens) == 1 else tokens
        name = f"judge {public_label(judge.by.model)}"
        tokens.append(Spent(name, of_judge["prompt_tokens"], of_judge["completion_tokens"]))
    if len(tokens) > 1:
        tokens.append(Spent("all", *(sum(amounts) for amounts in zip(*(each.amounts for each in tokens), strict=True))))
    costs = [each.counts["cost"] for each in (manifest, *graded) if each is not None and "cost" in each.counts]
    return TeacherCosts(tokens, sum(costs) if costs else None)
