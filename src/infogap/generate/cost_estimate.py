"""What a recipe will cost before anything is asked."""

from __future__ import annotations

from collections import Counter
from typing import Any

from infogap.generate.request_plan import Plan
from infogap.recipe.generate_section import Generate, PrivilegeUse
from infogap.runs.run_folder import Run
from infogap.schema import CONTEXTS, TASKS
from infogap.teachers.backends import backend_of

_CHARACTERS_PER_TOKEN = 4  # of English text under today's tokenizers; stated wherever it is shown


def cost(run: Run) -> dict[str, Any]:
    """Requests per privilege, prompt tokens (estimated) and completion tokens (at most) of a run's plan.

    Where later rounds follow from the answers, `requests` are those that there will be at most, `first_round` those
    that there will be in any case, and the prompt tokens are the first round's.
    """
    recipe = run.recipe
    assert recipe.teacher is not None and recipe.generate is not None
    plan = Plan(run, recipe.teacher.model)
    with run.rewrite(CONTEXTS) as out:
        plan.settle(out)
    first_round = Counter[str]()
    characters = 0
    for planned in plan:
        first_round[planned.privilege] += 1
        characters += sum(len(message["content"]) for message in planned.request.messages)
    skipped = {f"{privilege}: {reason}": tasks for (privilege, reason), tasks in sorted(plan.skipped.items())}
    privileges = _at_most(recipe.generate, run.rows(TASKS), plan) if recipe.generate.in_rounds else dict(first_round)
    requests = sum(privileges.values())
    prompt_tokens = characters // _CHARACTERS_PER_TOKEN
    completion_tokens = requests * recipe.teacher.sampling.max_tokens
    price = backend_of(recipe.teacher).price(recipe.teacher)
    return {
        "requests": requests,
        "first_round": plan.total,
        "privileges": privileges,
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        **({"cost": price.of(prompt_tokens, completion_tokens)} if price else {}),
        "skipped": skipped,
    }


def _at_most(generate: Generate, tasks: int, plan: Plan) -> dict[str, int]:
    """Requests per privilege if every task is selected and no attempt is right before the last."""
    uses = generate.uses
    if generate.select is not None and generate.unguided.label not in {use.label for use in uses}:
        uses = [generate.unguided, *uses]
    skipped = Counter[str]()
    for (label, _), count in plan.skipped.items():
        skipped[label] += count
    return {use.label: (tasks - skipped[use.label]) * _traces_at_most(generate, use) for use in uses}


def _traces_at_most(generate: Generate, use: PrivilegeUse) -> int:
    named = use.label in {each.label for each in generate.uses}
    asked = 0
    if named:
        asked = generate.until.max_attempts if generate.until else generate.samples * use.turns
    probes = generate.select.samples if generate.select and use.label == generate.unguided.label else 0
    return max(asked, probes)
