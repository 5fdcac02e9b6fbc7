"""Summarize generation: counts for the manifest, and notes for the user."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Any

import polars as pl

from infogap.errors import ExternalError
from infogap.generate.all_rounds import Filled
from infogap.generate.batch_tokens import BatchTokens, batch_notes, tokens_in_batches
from infogap.generate.note_summary import note_counts
from infogap.generate.request_plan import Plan
from infogap.generate.teacher_requests import TeacherRequests
from infogap.recipe.generate_section import Generate, Until
from infogap.runs.run_folder import Run
from infogap.runs.stage import Outcome
from infogap.schema import NOTES, TRACES
from infogap.text.tag_counts import TagCounts
from infogap.verify.pass_rate_filter import PROBED, not_selected
from infogap.verify.round_verdicts import scan_round_verdicts


def summary(run: Run, filled: Filled, tags: Counter[str]) -> Outcome:
    """Return the outcome of a finished run.

    `tags` counts which tags split this command's answers into thought and response.

    Raises ExternalError if every request failed, or every request to one of the teachers.
    """
    generate = run.recipe.generate
    assert generate is not None
    last = filled.last
    counts: dict[str, Any] = {"rounds": filled.rounds}
    notes = []
    if generate.one_teacher_per_task:
        counts["drawn"] = last.tasks_by_teacher()
        drawn = ", ".join(f"{name} {tasks:,}" for name, tasks in counts["drawn"].items())
        notes.append(f"one teacher per task; tasks drawn for each: {drawn}")
    if generate.select is not None:
        selected = [dict(sorted(to_teacher.schedule.selected.items())) for to_teacher in last.tracing]
        counts["selected"] = _by_teacher(last, selected)
        for to_teacher, tasks_by_decision in zip(last.tracing, selected, strict=True):
            decided = ", ".join(f"{tasks:,} tasks {how}" for how, tasks in tasks_by_decision.items())
            notes.append(f"select{_of(to_teacher)}: {decided}")
    if generate.until is not None:
        reached = [_until(run, generate, generate.until, to_teacher) for to_teacher in last.tracing]
        counts["until"] = _by_teacher(last, [own for own, _ in reached])
        notes += [
            f"until{_of(to_teacher)}: {note}" for to_teacher, (_, note) in zip(last.tracing, reached, strict=True)
        ]
    skipped = last.skipped
    notes += [
        f"{tasks:,} {'task' if tasks == 1 else 'tasks'} skipped for privilege {why}" for why, tasks in skipped.items()
    ]
    if filled.notes is not None:
        counts["notes"], note_notes = note_counts(run, last, filled.notes)
        notes += note_notes
    failed, failure_notes = _failures(run)
    notes += failure_notes
    words = _unknown_words(run)
    notes += TagCounts(tags=tags, words=words).notes()
    notes += batch_notes(run)
    rows, spent, spent_notes = _spent(run, last)
    notes += spent_notes
    counts |= {"failed": failed, **spent, "skipped": skipped}
    counts |= TagCounts(words=words).as_counts()  # of all commands; the tags are known of this one only
    return Outcome(rows=rows, counts=counts, notes=notes)


def _by_teacher(last: Plan, counts: list[dict[str, int]]) -> dict[str, Any]:
    """Put the counts of each of several teachers under its name; return those of the only one unchanged."""
    if not last.teachers[0].teacher.named:
        return dict(counts[0])
    return {to_teacher.teacher.name: own for to_teacher, own in zip(last.tracing, counts, strict=True)}


def _of(to_teacher: TeacherRequests) -> str:
    return f", {to_teacher.teacher.name}" if to_teacher.teacher.named else ""


def _until(run: Run, generate: Generate, until: Until, to_teacher: TeacherRequests) -> tuple[dict[str, int], str]:
    """Count a teacher's cells (a task under a privilege) with enough correct traces, and the traces spent on others.

    Probes to which `until` does not apply are left out: those of tasks that are not selected, or all if the recipe does
    not name `unguided`.
    """
    verdicts, uses = scan_round_verdicts(run), generate.uses_of(to_teacher.teacher.recipe_name)
    of_teacher = pl.col("teacher") == to_teacher.teacher.name if to_teacher.teacher.named else pl.lit(True)
    correct = (pl.col("verdict") == "correct").sum()
    cells = (
        run.scan(TRACES)
        .select("trace_id", "task_id", "privilege", "teacher")
        .filter(of_teacher & pl.col("privilege").is_in([use.label for use in uses]))
        .join(not_selected(run, verdicts), on=PROBED, how="anti")
        .join(verdicts.select("trace_id", "verdict"), on="trace_id", how="left")
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
        f"{enough.height:,} of {cells.height:,} tasks x privileges have {until.correct} correct traces; "
        f"{short.height:,} were abandoned after {until.max_attempts} attempts ({counts['attempts_given_up']:,} traces)"
    )
    return counts, note


def _failures(run: Run) -> tuple[int, list[str]]:
    failed = run.scan(TRACES).select("teacher", "error").collect()
    for (name,), of_teacher in sorted(failed.partition_by("teacher", as_dict=True).items()):
        errors = of_teacher["error"]
        if errors.null_count() == 0:
            who = f"teacher {name}: " if run.recipe.teachers else ""
            raise ExternalError(
                f"{who}every request failed (most often, {_most_often(errors)}); fix this and run again"
            )
    errors = failed["error"].drop_nulls()
    if not len(errors):
        return 0, []
    note = (
        f"{len(errors)} requests failed (most often, {_most_often(errors)}); they are rows with an `error` "
        f"in {run.path / TRACES.name}; --retry-failed sends them again, which helps if the cause is gone"
    )
    return len(errors), [note]


def _most_often(errors: pl.Series) -> str:
    reason, count = Counter(errors.to_list()).most_common(1)[0]
    return f"{count} times: {reason}"


def _unknown_words(run: Run) -> Counter[str]:
    """Count the finish reasons that infogap does not know."""
    known = ("stop", "length", "error", "filtered", "too_long")
    words = run.scan(TRACES).select(pl.col("finish_reason").drop_nulls()).filter(~pl.col("finish_reason").is_in(known))
    return Counter(words.collect()["finish_reason"].to_list())


def _spent(run: Run, last: Plan) -> tuple[int, dict[str, Any], list[str]]:
    """Return the number of traces, the tokens and cost (if the recipe has prices) of all requests, and notes on them.

    Critiques and lessons cost tokens, too. The cost of retries is not known, and not included.
    """
    tokens = ("teacher", "prompt_tokens", "completion_tokens")
    traces = run.scan(TRACES).select(*tokens, "error", traces=1)
    written = run.scan(NOTES).select(*tokens, error=pl.lit(None, pl.String), traces=0)
    both = pl.concat([traces, written])
    failed = pl.col("error").count().alias("failed")
    sums_of = pl.col("traces", "prompt_tokens", "completion_tokens").sum()
    totals = both.group_by("teacher").agg(sums_of, failed).collect()
    by_name = {row["teacher"]: row for row in totals.iter_rows(named=True)}
    none = dict.fromkeys(("traces", "failed", "prompt_tokens", "completion_tokens"), 0)
    in_batches = tokens_in_batches(run)
    of_teachers, costs = dict[str, dict[str, int]](), dict[str, float]()
    for to_teacher in last.teachers:
        own = by_name.get(to_teacher.teacher.name, none)
        counts = of_teachers[to_teacher.teacher.name] = {key: own[key] for key in none}
        if price := to_teacher.teacher.price:
            batched = in_batches.get(to_teacher.teacher.name, BatchTokens())
            costs[to_teacher.teacher.name] = batched.cost(price, counts["prompt_tokens"], counts["completion_tokens"])
    sums = {key: sum(counts[key] for counts in of_teachers.values()) for key in none}
    spent: dict[str, Any] = {key: sums[key] for key in ("prompt_tokens", "completion_tokens")}
    if costs:
        spent["cost"] = round(sum(costs.values()), 6)
    notes = [", ".join(f"{amount:,} {name.replace('_', ' ')}" for name, amount in spent.items())]
    if in_batches:
        spent["in_batches"] = {name: asdict(batched) for name, batched in in_batches.items()}
        notes += [
            f"{_in_batches(to_teacher, in_batches[to_teacher.teacher.name])}"
            for to_teacher in last.teachers
            if to_teacher.teacher.name in in_batches
        ]
    if not run.recipe.teachers:
        return sums["traces"], spent, notes
    for name, counts in of_teachers.items():
        parts = [f"{amount:,} {key.replace('_', ' ')}" for key, amount in counts.items() if amount or key != "failed"]
        cost = f"{costs[name]:,} cost" if name in costs else "no price" if costs else ""
        notes.append(f"{name}: {', '.join([*parts, cost] if cost else parts)}")
    return sums["traces"], spent | {"teachers": of_teachers}, notes


def _in_batches(to_teacher: TeacherRequests, batched: BatchTokens) -> str:
    """Say which of a teacher's tokens came in batches, and at what share of the price."""
    price, who = to_teacher.teacher.price, f"{to_teacher.teacher.name}: " if to_teacher.teacher.named else ""
    tokens = f"{batched.prompt_tokens:,} prompt and {batched.completion_tokens:,} completion tokens in batches"
    if price is None:
        return f"{who}{tokens}"
    share = "the full price, as `price.batch` is not stated" if price.batch is None else f"{price.batch:g} of the price"
    return f"{who}{tokens}, at {share}"
