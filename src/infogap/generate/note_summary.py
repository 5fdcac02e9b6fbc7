"""Summarize the notes of a run: how many were written, which of them could be used, and what they give away."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl

from infogap.errors import ExternalError
from infogap.generate.note_book import NoteBook
from infogap.generate.note_table import problem_of_note
from infogap.generate.request_plan import Plan
from infogap.generate.trace_store import failed_teachers
from infogap.recipe.privilege_entries import PrivilegeUse
from infogap.runs.run_folder import Run
from infogap.schema import CONTEXTS, NOTES, SHOWN_NOTES, TASKS


def check_written(folder: Path) -> None:
    """Raise ExternalError if every note that a teacher was asked for has failed."""
    failed = failed_teachers(folder)
    if not failed:
        return
    rows = pl.scan_parquet(sorted(folder.glob("part-*.parquet")), schema=NOTES.schema)
    errors = rows.filter(pl.col("teacher").is_in(failed)).select("error").collect()["error"].drop_nulls().to_list()
    reason, count = Counter(errors).most_common(1)[0]
    raise ExternalError(
        f"every request for a critique or lesson to {' and '.join(failed)} failed (most often, {count} times: "
        f"{reason}); fix this and run again"
    )


def note_counts(run: Run, plan: Plan, book: NoteBook) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """Count the notes by privilege, for the manifest, and put them into words.

    `requests`, of which `again`; of the notes, `truncated`, `empty` or `failed` ones; `contexts` that show any;
    `states_answer`, contexts with a critique that gives away the gold answer; `unchecked`, contexts whose task has no
    gold answer, so that nobody knows; `unsampled`, traces that were not
    requested because their critique could not be used; of lessons, the tasks of the `pool`, the `usable` ones, and how
    often one was `withheld` from a task whose answer or solution it holds.
    """
    generate = run.recipe.generate
    assert generate is not None
    counts: dict[str, dict[str, Any]] = {}
    notes: list[str] = []
    for use in generate.uses:
        if use.notes is None:
            continue
        counts[use.label] = _written(run, use) | _shown(run, use)
        counts[use.label] |= _of_lessons(plan, book, use) if use.notes == "lesson" else _unsampled(plan, book, use)
        notes += _in_words(use, counts[use.label])
    return counts, notes


def _written(run: Run, use: PrivilegeUse) -> dict[str, int]:
    rows = (
        run.scan(NOTES)
        .filter(pl.col("privilege") == use.label)
        .select("sample", "error", problem_of_note(), "response")
    )
    written = rows.collect() if run.part_paths(NOTES) else NOTES.empty().select("sample", problem_of_note())
    problems = Counter(written["problem"].drop_nulls().to_list())
    counts = {"requests": written.height, "again": written.filter(pl.col("sample") > 0).height}
    return counts | {name: problems[name] for name in ("truncated", "empty", "failed")}


def _shown(run: Run, use: PrivilegeUse) -> dict[str, int]:
    contexts = run.scan(CONTEXTS).filter(pl.col("privilege") == use.label).select("context_id", "task_id")
    shown = run.scan(SHOWN_NOTES).join(contexts, on="context_id", how="semi")
    by_context = shown.group_by("context_id").agg(pl.col("states_answer").any()).collect()
    without_gold = run.scan(TASKS).filter(pl.col("answer").is_null()).select("task_id")
    unchecked = contexts.join(without_gold, on="task_id", how="semi").select(pl.len()).collect().item()
    counts = {"contexts": by_context.height} | ({"unchecked": unchecked} if unchecked else {})
    return counts | ({"states_answer": int(by_context["states_answer"].sum())} if use.notes == "critique" else {})


def _unsampled(plan: Plan, book: NoteBook, use: PrivilegeUse) -> dict[str, Any]:
    unsampled = Counter(
        why
        for to_teacher in plan.teachers
        for (label, _, _), why in book.of(to_teacher.teacher).unsampled.items()
        if label == use.label
    )
    return {"unsampled": dict(sorted(unsampled.items()))}


def _of_lessons(plan: Plan, book: NoteBook, use: PrivilegeUse) -> dict[str, Any]:
    counts = Counter[str](pool=0, usable=0, withheld=0)
    unusable = Counter[str]()
    for to_teacher in plan.teachers:
        notes = book.of(to_teacher.teacher)
        if not notes.is_finished(use):
            continue
        drawn = notes.drawn(use)
        counts["pool"] += len(drawn)
        counts["usable"] += sum(why is None for why in drawn)
        counts["withheld"] += notes.withheld[use.label]
        unusable.update(why for why in drawn if why is not None)
    return {**counts, "unusable": dict(sorted(unusable.items()))}


def _in_words(use: PrivilegeUse, counts: dict[str, Any]) -> list[str]:
    what = "critique" if use.notes == "critique" else "lesson"
    bad = [f"{counts[name]:,} {name}" for name in ("truncated", "empty", "failed") if counts[name]]
    asked = f"{counts['requests']:,} requests for a {what}"
    if bad:
        asked += f" ({', '.join(bad)}; {counts['again']:,} were requested again)"
    unchecked = []
    if "unchecked" in counts:
        unchecked = [
            f"{use.label}: {counts['unchecked']:,} of {counts['contexts']:,} contexts were not searched for the gold "
            "answer, as their task has none"
        ]
    if use.notes == "critique":
        told = "seen by its critic" if "solution" in use.needs else "not seen by its critic"
        notes = [
            f"{use.label}: {asked}; {counts['states_answer']:,} of {counts['contexts']:,} contexts give away the gold "
            f"answer, {told}"
        ]
        return [*notes, *unchecked] + [
            f"{use.label}: {requests:,} {'trace was' if requests == 1 else 'traces were'} not requested, as the "
            f"critique was {why}"
            for why, requests in counts["unsampled"].items()
        ]
    notes = [f"{use.label}: {asked}; {counts['usable']:,} of {counts['pool']:,} tasks of the pool gave a usable one"]
    notes += unchecked
    if counts["unusable"]:
        why = ", ".join(f"{tasks:,} {reason}" for reason, tasks in counts["unusable"].items())
        notes.append(f"{use.label}: tasks of the pool without a usable lesson: {why}")
    if counts["pool"] < use.privilege.pool:
        notes.append(
            f"{use.label}: the pool has {counts['pool']:,} tasks, not {use.privilege.pool:,}: no others have a right "
            f"or wrong attempt under {use.source}"
        )
    if withheld := counts["withheld"]:
        notes.append(
            f"{use.label}: a lesson was withheld {withheld:,} {'time' if withheld == 1 else 'times'} from a task whose "
            "answer or solution it holds"
        )
    return notes
