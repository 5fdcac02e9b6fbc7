"""Render the prompt that a teacher reads for one task of a run."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from infogap.errors import InputError, nearest
from infogap.generate.cell_requests import due
from infogap.generate.earlier_rounds import EarlierRounds, EarlierTrace
from infogap.generate.request_plan import context_writer
from infogap.generate.teacher_requests import drawn_teacher
from infogap.privileges.base import Task, UnmetNeedError
from infogap.privileges.contexts import ContextWriter
from infogap.privileges.prompt_messages import teacher_messages
from infogap.recipe.generate_section import Generate
from infogap.recipe.privilege_entries import PrivilegeUse
from infogap.rows.message_turns import transcript
from infogap.runs.run_folder import Run
from infogap.schema import CONTEXTS, TASKS


def prompt_of(run: Run, privilege: str, task_id: str | None = None, teacher: str | None = None) -> str:
    """Render a teacher's prompt for a task under a privilege of the recipe: that of the first sample's first turn.

    By default, the task is the one with the lowest id that has what the privilege needs, and the teacher is the first
    that answers it; the teacher matters where contexts show its own attempts. Raises InputError if the run has no such
    privilege, teacher or task, the teacher does not answer it, or the task lacks what the privilege needs.
    """
    generate = run.recipe.generate
    if generate is None:
        raise InputError(f"{run.path} holds imported traces: there are no prompts to show")
    labels = {use.label: use for use in generate.uses}
    if privilege not in labels:
        raise InputError(
            f"the recipe has no privilege '{privilege}'{nearest(privilege, labels)}; it has {', '.join(labels)}"
        )
    use, writer, earlier = labels[privilege], context_writer(run), EarlierRounds(run)
    names = _teachers(run, use, teacher)
    why = ""
    for task in _tasks(run, task_id):
        answering = [name for name in names if name in _answering(run, task["task_id"])]
        if not answering:
            why = why or f"task {task['task_id']} was drawn for another teacher, not for {' or '.join(names)}"
            continue
        try:
            context = _context(
                run, task, use, generate, writer, earlier.of(task["task_id"], answering[0] or None), earlier
            )
        except UnmetNeedError as reason:
            why = why or f"task {task['task_id']} has no context under {privilege}: {reason}"
            continue
        return transcript(teacher_messages(task, context, generate.instruction, generate.wording))
    raise InputError(why or f"{run.path} has no task {task_id or ''}; `infogap tasks {run.path}` collects them")


def _teachers(run: Run, use: PrivilegeUse, wanted: str | None) -> list[str]:
    """Return the recipe's names of the teachers that answer under a privilege; only the wanted one, if one is named."""
    names = [name for name in run.recipe.every_teacher if use.answered_by(name)]
    if wanted is None:
        return names
    if not run.recipe.teachers:
        raise InputError("the recipe has one `teacher`, which has no name; leave it out")
    if wanted not in names:
        raise InputError(
            f"no teacher '{wanted}' answers under '{use.label}'{nearest(wanted, names)}; {', '.join(names)} do"
        )
    return [wanted]


def _answering(run: Run, task_id: str) -> list[str]:
    """Return the recipe's names of the teachers that answer a task."""
    assert run.recipe.generate is not None
    names = run.recipe.tracing_teachers
    return [drawn_teacher(run.recipe.seed, task_id, names)] if run.recipe.generate.one_teacher_per_task else names


def _tasks(run: Run, task_id: str | None) -> Iterator[Task]:
    wanted = pl.lit(True) if task_id is None else pl.col("task_id") == task_id
    return run.scan(TASKS).filter(wanted).sort("task_id").collect().iter_rows(named=True)


def _stored_context(run: Run, use: PrivilegeUse, traces: dict[str, list[EarlierTrace]]) -> str:
    """Read the context of the first sample: what a model wrote for it is known once there is one."""
    shown = [trace.context_id for trace in traces.get(use.label, []) if trace.context_id is not None]
    stored = run.scan(CONTEXTS).filter(pl.col("context_id") == shown[0]).collect() if shown else CONTEXTS.empty()
    if stored.is_empty():
        raise UnmetNeedError("no trace has been written under it yet")
    return str(stored["text"][0])


def _context(
    run: Run,
    task: Task,
    use: PrivilegeUse,
    generate: Generate,
    writer: ContextWriter,
    traces: dict[str, list[EarlierTrace]],
    earlier: EarlierRounds,
) -> str:
    if use.notes is not None:
        return _stored_context(run, use, traces)
    attempts = traces.get(use.source or "", [])
    first = due(use, generate.samples, generate.until, [], attempts)[0]
    texts = earlier.texts(first.attempts)
    return writer.write(task, use, [texts[trace.trace_id] for trace in first.attempts]).text
