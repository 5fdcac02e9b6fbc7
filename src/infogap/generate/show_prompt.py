"""What the teacher reads for one task of a run."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from infogap.errors import InputError, nearest
from infogap.generate.cell_requests import due
from infogap.generate.request_plan import EarlierRounds, context_writer
from infogap.privileges.base import Task, UnmetNeedError
from infogap.privileges.contexts import ContextWriter, teacher_prompt
from infogap.recipe.generate_section import Generate
from infogap.recipe.privilege_entries import PrivilegeUse
from infogap.runs.run_folder import Run
from infogap.schema import TASKS


def prompt_of(run: Run, privilege: str, task_id: str | None = None) -> str:
    """What the teacher reads for a task under a privilege of the recipe: for its first sample, in its first turn.

    By default the task is the one with the lowest id that has what the privilege needs. Raises InputError where the
    run has no such privilege or task, or the task lacks what the privilege needs.
    """
    generate = run.recipe.generate
    if generate is None:
        raise InputError(f"{run.path} holds imported traces: nothing was asked of a teacher")
    labels = {use.label: use for use in generate.uses}
    if privilege not in labels:
        raise InputError(
            f"the recipe has no privilege '{privilege}'{nearest(privilege, labels)}; it has {', '.join(labels)}"
        )
    writer, earlier = context_writer(run), EarlierRounds(run)
    why = ""
    for task in _tasks(run, task_id):
        try:
            context = _context(task, labels[privilege], generate, writer, earlier)
        except UnmetNeedError as reason:
            why = why or f"task {task['task_id']} has no context under {privilege}: {reason}"
            continue
        return teacher_prompt(task["question"], context, generate.instruction, generate.wording)
    raise InputError(why or f"{run.path} has no task {task_id or ''}; `infogap tasks {run.path}` collects them")


def _tasks(run: Run, task_id: str | None) -> Iterator[Task]:
    wanted = pl.lit(True) if task_id is None else pl.col("task_id") == task_id
    return run.scan(TASKS).filter(wanted).sort("task_id").collect().iter_rows(named=True)


def _context(task: Task, use: PrivilegeUse, generate: Generate, writer: ContextWriter, earlier: EarlierRounds) -> str:
    attempts = earlier.of(task["task_id"]).get(use.source or "", [])
    first = due(use, generate.samples, generate.until, [], attempts)[0]
    texts = earlier.texts(first.attempts)
    return writer.write(task, use, [texts[trace.trace_id] for trace in first.attempts]).text
