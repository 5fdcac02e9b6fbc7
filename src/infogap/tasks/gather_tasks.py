"""Gather one source's tasks, and record what became of each of its rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from infogap.errors import InputError
from infogap.ids import derived_seed
from infogap.progress import progress
from infogap.recipe.named_formats import load_format
from infogap.recipe.sources import GYM_WITH_SOLUTION, GymTasks, TraceImport
from infogap.recipe.verifier_names import GYM_VERIFIER, can_do_without_gold
from infogap.rows import reasoning_gym as gym
from infogap.rows.column_paths import as_text
from infogap.rows.message_turns import TURNS
from infogap.runs.run_folder import Run
from infogap.tasks.field_rows import no_rows
from infogap.tasks.known_drafts import Draft
from infogap.tasks.question_column import NO_QUESTION, TableSource
from infogap.tasks.select_tasks import Task, fulfils, merge, sample
from infogap.tasks.task_columns import drafts
from infogap.verify.verifiers import verifier

WHERE = "left out by `where`"
LIMIT = "left out by `limit`"
NO_ANSWER = "no answer"
_SHOWN = 3  # invalid rows named in a message


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a row: its task, or why it has none."""

    row: int
    task_id: str | None
    reason: str | None
    question: str | None


@dataclass(frozen=True)
class Gathered:
    """A source's tasks, each once, in the order of its rows."""

    source: str
    tasks: list[Task]
    fates: list[Fate]
    rejected: list[Fate] = field(default_factory=list)
    merged: int = 0  # rows that repeat one of these tasks
    notes: list[str] = field(default_factory=list)  # on how the rows were read

    @property
    def counts(self) -> dict[str, Any]:
        left_out = Counter(fate.reason for fate in self.fates if fate.reason is not None)
        return {
            "source": self.source,
            "rows": len(self.fates),
            "left_out": dict(sorted(left_out.items())),
            "merged": self.merged,
            "tasks": len(self.tasks),
        }


def gather_gym(source: GymTasks, recipe_seed: int) -> list[Gathered]:
    """Gather the tasks of every name of a reasoning-gym source, each as a source of its own.

    Raises InputError where a name or its settings do not work.
    """
    gathered = []
    with progress("tasks", source.count * len(source.names), "tasks") as advance:
        for name in source.names:
            problem = next(gym.problems(source, name), None)
            if problem:
                raise InputError(problem)
            made = []
            for task in gym_tasks(source, name, recipe_seed):
                made.append(task)
                advance()
            tasks = merge(made)
            fates = [Fate(number, task.task_id, None, None) for number, task in enumerate(made, 1)]
            gathered.append(Gathered(gym.label(name), tasks, fates, merged=len(made) - len(tasks)))
    return gathered


def gym_tasks(source: GymTasks, name: str, recipe_seed: int) -> Iterator[Task]:
    """Generate the `count` tasks of one dataset. Raises InputError where its settings do not work."""
    seed = source.seed if source.seed is not None else derived_seed("reasoning_gym", recipe_seed, name)
    origin = {"name": name, "seed": seed, "size": source.count, "config": gym.settings(source, name)}
    for index in range(source.count):
        made_by = {**origin, "index": index}
        _, made = gym.entry(made_by)
        yield _gym_task(source, name, made, {"row": index + 1, "gym": made_by})


def _gym_task(source: GymTasks, name: str, made: dict[str, Any], metadata: dict[str, Any]) -> Task:
    known = made.get("metadata") or {}
    difficulty = source.level if source.level is not None else known.get("difficulty")
    return Task.make(
        made["question"],
        as_text(made["answer"]),
        GYM_VERIFIER,
        source=gym.label(name),
        family=name,
        difficulty=None if isinstance(difficulty, dict | list) else as_text(difficulty),
        solution=as_text(known.get("answer_cot")) if name == GYM_WITH_SOLUTION else None,
        metadata=metadata,
    )


def gather_table(run: Run, source: TableSource) -> Gathered:
    """Gather the tasks of a file or dataset: read, filter, check, merge and sample its rows, in this order.

    Raises InputError where no task is left, or a row is invalid and the source says `invalid: error`.
    """
    drafted = drafts(run, source)
    read = drafted.rows
    reasons: dict[int, str] = {}  # by position, why a row is no task
    if source.where is not None:
        passed = fulfils(drafted, source.where, source.from_)
        reasons = {index: WHERE for index, holds in enumerate(passed) if not holds}
    _refuse_alternatives(source, {draft.alternative for place, draft in enumerate(read) if place not in reasons})
    invalid = _invalid(read, reasons, source)
    reasons |= invalid
    if invalid and source.invalid == "error":
        raise InputError(_invalid_rows(source, [(read[index].row, reason) for index, reason in invalid.items()]))
    ids: dict[int, str] = {}  # by position

    def made() -> Iterator[Task]:
        """Yield each row's task, so that those of repeated rows are not kept."""
        for index, draft in enumerate(read):
            if index not in reasons:
                task = _task(draft, source)
                ids[index] = task.task_id
                yield task

    tasks = sample(merge(made()), source.limit, run.recipe.seed)
    kept = {task.task_id for task in tasks}
    reasons |= {index: LIMIT for index, task_id in ids.items() if task_id not in kept}
    fates = [
        Fate(draft.row, None if index in reasons else ids[index], reasons.get(index), draft.question)
        for index, draft in enumerate(read)
    ]
    if not tasks:
        raise InputError(_nothing_left(source, fates))
    repeated = sum(fate.task_id is not None for fate in fates) - len(tasks)
    return Gathered(source.from_, tasks, fates, [fates[index] for index in sorted(invalid)], repeated, drafted.notes)


def _refuse_alternatives(source: TableSource, values: set[str | None]) -> None:
    """Raise InputError if a file has the same samples several times and the recipe takes all of them."""
    if len(values) > 1 and source.format is not None:
        column = load_format(source.format).alternatives
        known = sorted(str(value) for value in values)
        raise InputError(
            f"{source.from_}: it holds every sample {len(known)} times, once for each `{column}` ({', '.join(known)}); "
            f"choose one: `where: \"{column}\" = '{known[0]}'`"
        )


def _invalid(read: list[Draft], left_out: dict[int, str], source: TableSource) -> dict[int, str]:
    """Return, by position, why a row that satisfies `where` cannot be a task."""
    invalid: dict[int, str] = {}
    whole: list[tuple[int, str, str]] = []
    for index, draft in enumerate(read):
        if index in left_out:
            continue
        if draft.fault or draft.question is None:
            invalid[index] = draft.fault or NO_QUESTION
        elif draft.answer is None:
            if not _may_lack_gold(source):
                invalid[index] = NO_ANSWER
        else:
            whole.append((index, draft.question, draft.answer))
    reasons = verifier(source.gold_verifier).check_golds([(question, answer) for _, question, answer in whole])
    invalid |= {index: reason for (index, _, _), reason in zip(whole, reasons, strict=True) if reason is not None}
    return dict(sorted(invalid.items()))


def _may_lack_gold(source: TableSource) -> bool:
    """Whether rows may lack a gold answer.

    They may where another than a gold answer decides; traces are useful without, unless the recipe wants complete rows.
    """
    if can_do_without_gold(source.verifier):
        return True
    return isinstance(source, TraceImport) and (source.invalid == "skip" or source.columns.answer is None)


def _task(draft: Draft, source: TableSource) -> Task:
    assert draft.question is not None
    return Task.make(
        draft.question,
        draft.answer,
        source.verifier,
        source=source.from_,
        family=draft.family,
        difficulty=draft.difficulty,
        solution=draft.solution,
        metadata={"row": draft.row}
        | ({} if source.tolerance is None else {"tolerance": source.tolerance})
        | ({} if source.equality is None else {"equality": source.equality})
        | ({} if source.check_with is None else {"check_with": source.check_with})
        | ({} if draft.turns is None else {TURNS: draft.turns}),
    )


def _invalid_rows(source: TableSource, rows: list[tuple[int, str]]) -> str:
    listed = "; ".join(f"row {row}: {reason}" for row, reason in rows[:_SHOWN])
    more = f"; and {len(rows) - _SHOWN} more" if len(rows) > _SHOWN else ""
    return f"{source.from_}: {listed}{more}; correct them, or set `invalid: skip` to leave them out"


def _nothing_left(source: TableSource, fates: list[Fate]) -> str:
    if not fates:
        return no_rows(source)
    reasons = Counter(fate.reason for fate in fates if fate.reason is not None)
    why = ", ".join(f"{count:,} {reason}" for reason, count in reasons.most_common())
    return f"{source.from_}: none of its {len(fates):,} rows gives a task: {why}"
