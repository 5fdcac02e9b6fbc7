"""Write the tasks of a run: every source's tasks in one table, and why other rows are not in it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import polars as pl

from infogap.ids import canonical
from infogap.recipe.sources import GymTasks
from infogap.rows.message_turns import TURNS
from infogap.runs.block_cache import block_cache
from infogap.runs.run_folder import Run, write_part
from infogap.runs.stage import Outcome
from infogap.schema import TASKS
from infogap.tasks import revealing_questions
from infogap.tasks.gather_tasks import Fate, Gathered, gather_gym, gather_table
from infogap.tasks.known_drafts import drop_unused
from infogap.tasks.revealing_questions import RevealingQuestions
from infogap.tasks.select_tasks import Task, conflicting, merge
from infogap.verify.verifiers import verifier

REJECTED = "rejected.parquet"
ROWS = "rows.parquet"
"""Of an import: for every row of every source, the task that its traces answer, or why it has none."""

_REJECTED_SCHEMA = pl.Schema({"source": pl.String, "row": pl.Int64, "reason": pl.String, "question": pl.String})
_ROWS_SCHEMA = pl.Schema({"source": pl.Int64, "row": pl.Int64, "task_id": pl.String, "reason": pl.String})
_ROWS_PER_FRAME = 2_000


def write_tasks(run: Run) -> Outcome:
    """Gather every source's tasks, merge equal ones, and write them with the rejected rows.

    Raises InputError if a source does not exist, lacks a column or gives no task.
    """
    gathered: list[Gathered] = []
    for source in run.recipe.import_ or run.recipe.tasks or []:
        if isinstance(source, GymTasks):
            gathered += gather_gym(source, run.recipe.seed)
        else:
            gathered.append(gather_table(run, source))
    drop_unused(run)
    tasks = _with_families(merge(task for one in gathered for task in one.tasks), run)
    with run.rewrite(TASKS) as out:
        for start in range(0, len(tasks), _ROWS_PER_FRAME):
            out.write(TASKS.frame([_row(task) for task in tasks[start : start + _ROWS_PER_FRAME]]))
    rejected = [(one.source, fate) for one in gathered for fate in one.rejected]
    if rejected:
        write_part(run.path / TASKS.name / REJECTED, _rejected_frame(rejected))
    if run.recipe.imports:
        write_part(run.path / TASKS.name / ROWS, _rows_frame(gathered))
    conflicts = conflicting(tasks)
    with block_cache(run.path / TASKS.name / "cache" / "revealing", revealing_questions.VERSION) as known:
        revealing = RevealingQuestions.among(tasks, known)
    repeated = sum(len(one.tasks) for one in gathered) - len(tasks)
    counts = {
        "sources": [one.counts for one in gathered],
        "merged_between_sources": repeated,
        "conflicting_questions": len(conflicts),
        "without_answer": sum(task.answer is None for task in tasks),
        "without_solution": sum(task.solution is None for task in tasks),
        "families": len({task.family for task in tasks}),
        "questions_with_their_answer": len(revealing.answers),
        "questions_with_their_solution": len(revealing.solutions),
    }
    notes = _notes(run, gathered, tasks, conflicts, repeated)
    return Outcome(len(tasks), counts, [*notes, *([note] if (note := revealing.note()) else [])])


def _with_families(tasks: list[Task], run: Run) -> list[Task]:
    defaults = {source.from_: source.stem for source in run.recipe.table_sources}
    return [task if task.family is not None else replace(task, family=defaults[task.source]) for task in tasks]


def _row(task: Task) -> dict[str, Any]:
    row = {name: getattr(task, name) for name in TASKS.schema}  # `asdict` would copy the metadata of a million tasks
    return row | {"metadata": canonical(task.metadata).decode()}


def _rejected_frame(rejected: list[tuple[str, Fate]]) -> pl.DataFrame:
    rows = [(source, fate.row, fate.reason, fate.question) for source, fate in rejected]
    return pl.DataFrame(rows, schema=_REJECTED_SCHEMA, orient="row")


def _rows_frame(gathered: list[Gathered]) -> pl.DataFrame:
    rows = [(index, fate.row, fate.task_id, fate.reason) for index, one in enumerate(gathered) for fate in one.fates]
    return pl.DataFrame(rows, schema=_ROWS_SCHEMA, orient="row")


def _notes(run: Run, gathered: list[Gathered], tasks: list[Task], conflicts: list[str], repeated: int) -> list[str]:
    notes = []
    for one in gathered:
        notes += one.notes
        if one.rejected:
            reasons = Counter(fate.reason for fate in one.rejected)
            why = "; ".join(f"{reason}: {count:,}" for reason, count in reasons.most_common())
            notes.append(
                f"{one.source}: {len(one.rejected):,} of {len(one.fates):,} rows rejected ({why}); "
                f"see {run.path / TASKS.name / REJECTED}"
            )
        if one.merged and not run.recipe.imports:  # in an import every row is a trace of its own
            notes.append(f"{one.source}: {one.merged:,} of {len(one.fates):,} rows repeat a task and were merged")
    if repeated and not run.recipe.imports:
        notes.append(f"{repeated:,} tasks occur in several sources and were merged")
    if conflicts:
        notes.append(
            f"{len(conflicts):,} questions have several answers; each answer is a task: {_short(conflicts[0])!r}"
        )
    if (
        run.recipe.imports
        and run.recipe.measure.gap is not None
        and (chats := sum(TURNS in task.metadata for task in tasks))
    ):
        notes.append(f"{chats:,} tasks are conversations; gap scores their traces after all turns as one text")
    families: dict[str, set[str]] = {}
    for task in tasks:
        if task.answer is None:
            families.setdefault(task.verifier, set()).add(task.family or "(no family)")
    for name, without in sorted(families.items()):
        what = "none to show a teacher or in a preference pair"
        if not verifier(name).needs_gold:
            what = f"none to show a teacher; `{name}` grades them all the same"
        elif run.recipe.imports:
            what = "their traces are not graded"
        notes.append(f"no gold answer, so {what}: {', '.join(sorted(without))}")
    return notes


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 80 else f"{line[:77]}..."
