"""The cost of a recipe before generation, and the summary after it: manifest counts and notes for the user."""

from __future__ import annotations

from collections import Counter
from typing import Any

import polars as pl

from infogap.errors import ExternalError
from infogap.generate.request_plan import Plan
from infogap.recipe.generate_section import Generate, Until
from infogap.recipe.privilege_entries import PrivilegeUse
from infogap.runs.run_folder import Run
from infogap.runs.stage import Outcome
from infogap.schema import CONTEXTS, TASKS, TRACES
from infogap.teachers.base import backend_of
from infogap.text.tag_counts import TagCounts
from infogap.verify.grade_traces import scan_judged
from infogap.verify.pass_rate_filter import not_selected

_CHARACTERS_PER_TOKEN = 4  # of English text under today's tokenizers; stated wherever it is shown


def cost(run: Run) -> dict[str, Any]:
    """Requests per privilege, prompt tokens (estimated) and completion tokens (at most) of a run's plan.

    Where later rounds depend on the answers, `requests` is the most there can be, `first_round` how many there are in
    any case, and the prompt tokens are those of the first round.
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
        uses = (generate.unguided, *uses)
    skipped = Counter[str]()
    for (label, _), count in plan.skipped.items():
        skipped[label] += count
    return {use.label: (tasks - skipped[use.label]) * _traces_at_most(generate, use) for use in uses}


def _traces_at_most(generate: Generate, use: PrivilegeUse) -> int:
    named = use.label in {each.label for each in generate.uses}
    samples = 0
    if named:
        samples = generate.until.max_attempts if generate.until else generate.samples * use.turns
    probes = generate.select.samples if generate.select and use.label == generate.unguided.label else 0
    return max(samples, probes)


def summary(run: Run, last: Plan, rounds: int, tags: Counter[str]) -> Outcome:
    """The outcome of a finished run; `last` is its last plan, which had no requests left.

    `tags` counts by which tags this command's answers were split into thought and response.

    Raises ExternalError where every request failed.
    """
    generate = run.recipe.generate
    assert generate is not None
    counts: dict[str, object] = {"rounds": rounds}
    notes = []
    if generate.select is not None:
        selected = dict(sorted(last.schedule.selected.items()))
        counts["selected"] = selected
        notes.append(f"select: {', '.join(f'{tasks:,} tasks {how}' for how, tasks in selected.items())}")
    if generate.until is not None:
        counts["until"], until_note = _until(run, generate, generate.until)
        notes.append(until_note)
    skipped = {f"{privilege}: {reason}": tasks for (privilege, reason), tasks in sorted(last.skipped.items())}
    notes += [
        f"{tasks:,} {'task' if tasks == 1 else 'tasks'} skipped for privilege {privilege}: {reason}"
        for (privilege, reason), tasks in sorted(last.skipped.items())
    ]
    failed, failure_notes = _failures(run)
    notes += failure_notes
    words = _unknown_words(run)
    notes += TagCounts(tags=tags, words=words).notes()
    rows, spent = _spent(run)
    notes.append(", ".join(f"{amount:,} {name.replace('_', ' ')}" for name, amount in spent.items()))
    counts |= {"failed": failed, **spent, "skipped": skipped}
    counts |= TagCounts(words=words).as_counts()  # of all commands; by which tags is known of this one alone
    return Outcome(rows=rows, counts=counts, notes=notes)


def _until(run: Run, generate: Generate, until: Until) -> tuple[dict[str, int], str]:
    """Count the cells (a task under a privilege) with enough correct traces, and the traces spent on the others.

    Probes to which `until` does not apply are left out: those of tasks that are not selected, or all where the recipe
    does not name `unguided`.
    """
    judged = scan_judged(run)
    correct = (pl.col("verdict") == "correct").sum()
    cells = (
        run.scan(TRACES)
        .select("trace_id", "task_id", "privilege")
        .filter(pl.col("privilege").is_in([use.label for use in generate.uses]))
        .join(not_selected(run, judged), on="task_id", how="anti")
        .join(judged.select("trace_id", "verdict"), on="trace_id", how="left")
        .group_by("task_id", "privilege")
        .agg(pl.len().alias("attempts"), correct.alias("correct"))
        .collect()
    )
    enough = cells.filter(pl.col("correct") >= until.correct)
    short = cells.filter(pl.col("correct") < until.correct)
    counts = {
        "reached": enough.height,
        "given_up": short.height,
        "attempts": int(cells["attempts"].sum()),
        "attempts_given_up": int(short["attempts"].sum()),
    }
    note = (
        f"until: {enough.height:,} of {cells.height:,} tasks x privileges have {until.correct} correct traces; "
        f"{short.height:,} were given up after {until.max_attempts} attempts ({counts['attempts_given_up']:,} traces)"
    )
    return counts, note


def _failures(run: Run) -> tuple[int, list[str]]:
    failed = Counter(run.scan(TRACES).select(pl.col("error").drop_nulls()).collect()["error"].to_list())
    if not failed:
        return 0, []
    reason, count = failed.most_common(1)[0]
    if failed.total() == run.rows(TRACES):
        raise ExternalError(
            f"every request failed (most often, {count} times: {reason}); mend what it says and run again"
        )
    note = (
        f"{failed.total()} requests failed (most often, {count} times: {reason}); they are rows with an `error` "
        f"in {run.path / TRACES.name}; --retry-failed asks them again, which helps where the reason has passed"
    )
    return failed.total(), [note]


def _unknown_words(run: Run) -> Counter[str]:
    """The finish reasons that no table knows."""
    known = ("stop", "length", "error", "filtered", "too_long")
    words = run.scan(TRACES).select(pl.col("finish_reason").drop_nulls()).filter(~pl.col("finish_reason").is_in(known))
    return Counter(words.collect()["finish_reason"].to_list())


def _spent(run: Run) -> tuple[int, dict[str, float]]:
    """The number of traces and of their tokens, and their cost where the recipe has prices.

    Without what repeated attempts at a request cost, which is not known.
    """
    totals = run.scan(TRACES).select(pl.len(), pl.col("prompt_tokens", "completion_tokens").sum()).collect()
    rows, prompt, completion = totals.row(0)
    spent = {"prompt_tokens": prompt or 0, "completion_tokens": completion or 0}
    teacher = run.recipe.teacher
    price = backend_of(teacher).price(teacher) if teacher else None
    if price is None:
        return rows, spent
    return rows, spent | {"cost": price.of(spent["prompt_tokens"], spent["completion_tokens"])}
