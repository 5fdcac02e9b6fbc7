"""Estimate what a recipe will cost, before any request is sent: requests and tokens by privilege and by teacher."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from infogap.generate.answering_teacher import AnsweringTeacher
from infogap.generate.note_book import MOST_REQUESTS
from infogap.generate.request_plan import Plan
from infogap.generate.teacher_requests import TeacherRequests
from infogap.recipe import Recipe
from infogap.recipe.balance_section import MOST_PER_TRACE
from infogap.recipe.generate_section import Generate
from infogap.recipe.privilege_entries import PrivilegeUse
from infogap.runs.run_folder import Run
from infogap.schema import CONTEXTS

_CHARACTERS_PER_TOKEN = 4  # of English text under today's tokenizers; stated wherever it is shown


def cost(run: Run) -> dict[str, Any]:
    """Count a run's requests per privilege, and estimate its prompt tokens and the upper bound of completion tokens.

    If later rounds depend on the answers, `requests` is an upper bound, `first_round` is certain, and the prompt tokens
    are those of the first round. Critiques and lessons are counted beside the traces of their privilege, as
    `PRIVILEGE: critiques`, each as often as it may be requested. With several teachers, `teachers` holds the same
    figures for each, and the number of its `tasks` if tasks are drawn for teachers.
    """
    plan = Plan(run)
    with run.rewrite(CONTEXTS) as out:
        plan.settle(out)
    tasks = plan.tasks_by_teacher()
    costs = [_of_teacher(run, plan, number, tasks) for number in range(len(plan.teachers))]
    if not run.recipe.teachers:
        return costs[0] | {"skipped": plan.skipped}
    privileges = Counter[str]()
    for each in costs:
        privileges.update(each["privileges"])
    keys = ("requests", "first_round", "prompt_tokens", "completion_tokens")
    sums: dict[str, Any] = {key: sum(each[key] for each in costs) for key in keys}
    prices = [each["cost"] for each in costs if "cost" in each]
    return {
        **sums,
        "privileges": dict(privileges),
        **({"cost": round(sum(prices), 6)} if prices else {}),
        "skipped": plan.skipped,
        "one_teacher_per_task": plan.drawn,
        "teachers": {
            to_teacher.teacher.name: ({"tasks": tasks[to_teacher.teacher.name]} if plan.drawn else {}) | each
            for to_teacher, each in zip(plan.teachers, costs, strict=True)
        },
    }


def traces_at_most(run: Run, costs: Mapping[str, Any]) -> dict[str, int]:
    """Return the requests for traces in `costs`, as `cost` returns them, by privilege: those for notes left out."""
    generate = run.recipe.generate
    notes = {_of_notes(use) for use in generate.uses if use.notes is not None} if generate is not None else set()
    return {label: requests for label, requests in costs["privileges"].items() if label not in notes}


def _of_notes(use: PrivilegeUse) -> str:
    """Return the label under which the requests for a privilege's notes are counted."""
    return f"{use.label}: {'critiques' if use.notes == 'critique' else 'lessons'}"


def top_up_cost(recipe: Recipe) -> dict[str, int | None] | None:
    """Return the rounds of the recipe's top-up and the most requests that it can add; None for a recipe without one.

    The requests are None, as they cannot be known beforehand, if a mix has no size in traces.
    """
    top_up, generate = recipe.balance.top_up, recipe.generate
    if top_up is None or generate is None:
        return None
    sizes = [mix.traces for _, mix in recipe.balance.named_mixes()]
    turns = max(use.turns for use in generate.uses)
    known = [size for size in sizes if size is not None]
    requests = top_up.rounds * MOST_PER_TRACE * turns * sum(known) if len(known) == len(sizes) else None
    return {"rounds": top_up.rounds, "requests": requests}


def _of_teacher(run: Run, plan: Plan, number: int, tasks: dict[str, int]) -> dict[str, Any]:
    """Compute the cost of one teacher's requests."""
    generate, to_teacher = run.recipe.generate, plan.teachers[number]
    assert generate is not None
    first_round = Counter[str]()
    characters = 0
    for planned in plan.requests_of(number):
        first_round[planned.privilege] += 1
        characters += sum(len(message["content"]) for message in planned.request.messages)
    privileges = dict(first_round)
    if generate.in_rounds:
        privileges = _at_most(generate, tasks[to_teacher.teacher.name], to_teacher)
    privileges |= _notes_at_most(run, plan, number, tasks)
    requests = sum(privileges.values())
    prompt_tokens = characters // _CHARACTERS_PER_TOKEN
    completion_tokens = requests * to_teacher.teacher.most_tokens
    price = to_teacher.teacher.price
    if price is not None and to_teacher.teacher.in_batches:
        price = price.in_batches
    return {
        "requests": requests,
        "first_round": to_teacher.total,
        "privileges": privileges,
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        **({"cost": price.of(prompt_tokens, completion_tokens)} if price else {}),
        **_of_batches(to_teacher.teacher),
    }


def _of_batches(teacher: AnsweringTeacher) -> dict[str, Any]:
    """Return the share of the price that batches cost; 1 if the recipe states none, nothing if it sends no batches."""
    if not teacher.in_batches:
        return {}
    return {"batch_price": 1.0 if teacher.price is None or teacher.price.batch is None else teacher.price.batch}


def _at_most(generate: Generate, tasks: int, to_teacher: TeacherRequests) -> dict[str, int]:
    """Count the requests per privilege if all the teacher's tasks are selected and only last attempts are correct."""
    named = tuple(use for use in generate.uses if use.answered_by(to_teacher.teacher.recipe_name))
    uses = named
    if named and generate.select is not None and generate.unguided.label not in {use.label for use in named}:
        uses = (generate.unguided, *named)
    skipped = Counter[str]()
    for (label, _), count in to_teacher.schedule.skipped.items():
        skipped[label] += count
    return {use.label: (tasks - skipped[use.label]) * _traces_at_most(generate, use, use in named) for use in uses}


def _notes_at_most(run: Run, plan: Plan, number: int, tasks: dict[str, int]) -> dict[str, int]:
    """Count the critiques and lessons that a teacher writes, for itself and others, if all attempts can be used."""
    generate, writer = run.recipe.generate, plan.teachers[number].teacher
    assert generate is not None
    counts: dict[str, int] = {}
    for to_teacher in plan.teachers:
        shown_to = to_teacher.teacher
        for use in generate.uses_of(shown_to.recipe_name):
            if use.notes is None or (use.note_writer or shown_to.recipe_name) != writer.recipe_name:
                continue
            most = tasks[shown_to.name]
            if use.notes == "lesson":
                most = min(most, use.privilege.pool)
            else:
                source = next((each for each in generate.in_order if each.label == use.source), generate.unguided)
                attempts = _traces_at_most(generate, source, source in generate.uses)
                most *= min(attempts, _traces_at_most(generate, use, named=True))
            counts[_of_notes(use)] = counts.get(_of_notes(use), 0) + most * MOST_REQUESTS
    return counts


def _traces_at_most(generate: Generate, use: PrivilegeUse, named: bool) -> int:
    """Count the traces of one task under a privilege; one that is not `named` serves only the probes of `select`."""
    samples = 0
    if named:
        samples = generate.until.max_attempts if generate.until else generate.samples * use.turns
    probes = generate.select.samples if generate.select and use.label == generate.unguided.label else 0
    return max(samples, probes)
