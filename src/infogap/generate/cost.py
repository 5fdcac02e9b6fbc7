"""What a recipe will cost before anything is asked."""

from __future__ import annotations

from collections import Counter
from typing import Any

from infogap.generate.plan import Plan
from infogap.run import Run

_CHARACTERS_PER_TOKEN = 4  # of English text under today's tokenizers; stated wherever it is shown


def cost(run: Run) -> dict[str, Any]:
    """Requests per privilege, prompt tokens (estimated) and completion tokens (at most) of a run's plan."""
    teacher = run.recipe.teacher
    assert teacher is not None
    plan = Plan(run, teacher.model)
    plan.settle()
    requests = Counter[str]()
    characters = 0
    for planned in plan:
        requests[planned.privilege] += 1
        characters += sum(len(message["content"]) for message in planned.request.messages)
    return {
        "requests": plan.total,
        "privileges": dict(requests),
        "prompt_tokens": characters // _CHARACTERS_PER_TOKEN,
        "completion_tokens": plan.total * teacher.sampling.max_tokens,
        "skipped": {f"{privilege}: {reason}": tasks for (privilege, reason), tasks in sorted(plan.skipped.items())},
    }
