"""Plan a round: every request, in a fixed order, with its id, its seed and the earlier traces that it shows.

Each teacher's requests depend only on its own traces. They come one teacher after another: an engine needs the GPU to
itself, and its traces form whole parts of the table before the next one is opened.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol

from infogap.generate.answering_teacher import AnsweringTeacher, answering_teachers
from infogap.generate.cell_requests import Cell, MoreSamples
from infogap.generate.earlier_rounds import EarlierRounds, EarlierTrace
from infogap.generate.note_book import NoteBook
from infogap.generate.teacher_requests import TeacherRequests
from infogap.privileges.base import Attempt, Task
from infogap.privileges.contexts import Context, ContextWriter
from infogap.privileges.decoys import Decoys
from infogap.runs.run_folder import Run, TableWriter
from infogap.schema import CONTEXTS, SHOWN_NOTES, TASKS
from infogap.teachers.base import Request

_TASKS_AT_A_TIME = 256  # whose attempts are in memory at once, in recipes whose contexts show any


@dataclass(frozen=True)
class Planned:
    """A request, and the columns of its trace that are known before the answer."""

    index: int  # its place in the round
    request: Request
    task_id: str
    privilege: str
    context_id: str | None
    teacher: str
    sample: int
    round: int


class ToTeacher(Protocol):
    """The requests of a plan to one teacher: their number, and the index of the first."""

    @property
    def teacher(self) -> AnsweringTeacher: ...
    @property
    def total(self) -> int: ...
    @property
    def first(self) -> int: ...


class SettledPlan(Protocol):
    """Requests in a fixed order that can be derived as often as needed: of a round, or of a wave of notes."""

    @property
    def what(self) -> str:
        """What is requested, for the progress bar."""

    @property
    def teachers(self) -> Sequence[ToTeacher]: ...
    @property
    def round(self) -> int: ...
    @property
    def total(self) -> int: ...
    @property
    def key(self) -> str: ...
    @property
    def keeps_tokens(self) -> bool:
        """True if the log-probabilities of its answers' tokens are stored, where a teacher records them."""

    def requests_of(self, number: int) -> Iterator[Planned]:
        """Yield the requests to one of `teachers`."""


class Plan:
    """All requests of a round: derived again in every pass instead of held, so that any number fits in memory."""

    keeps_tokens = True

    def __init__(
        self,
        run: Run,
        round_: int = 0,
        earlier: EarlierRounds | None = None,
        contexts: ContextWriter | None = None,
        teachers: Sequence[AnsweringTeacher] | None = None,
        more: Mapping[str, MoreSamples] | None = None,
        notes: NoteBook | None = None,
    ) -> None:
        """`earlier` holds the earlier rounds, None for the first; all rounds can share `contexts` and `teachers`.

        `more`: in a round of a top-up, the samples that it adds for each teacher, by the teacher's name. `notes`: those
        that contexts show.
        """
        assert run.recipe.generate is not None
        self._run = run
        self._in_rounds = run.recipe.generate.in_rounds
        self.earlier = earlier or EarlierRounds(run, before=0)
        contexts = contexts or context_writer(run)
        self.teachers = [
            TeacherRequests(
                run,
                teacher,
                contexts,
                more[teacher.name] if more is not None else None,
                notes.of(teacher) if notes is not None else None,
            )
            for teacher in (answering_teachers(run) if teachers is None else teachers)
        ]
        self.drawn = run.recipe.generate.one_teacher_per_task
        self.round = round_
        self.total = 0
        self.key = ""

    @property
    def tracing(self) -> list[TeacherRequests]:
        """The teachers that write traces: others only write critiques or lessons."""
        return [to_teacher for to_teacher in self.teachers if to_teacher.traces]

    @property
    def what(self) -> str:
        """What is requested, for the progress bar."""
        return f"round {self.round}" if self.round else "generate"

    @property
    def skipped(self) -> dict[str, int]:
        """The number of tasks skipped in the last pass, by privilege (and teacher, of several) and reason."""
        skipped = {}
        for each in self.teachers:
            by = f" by {each.teacher.name}" if each.teacher.named else ""
            for (privilege, reason), tasks in sorted(each.schedule.skipped.items()):
                skipped[f"{privilege}{by}: {reason}"] = tasks
        return skipped

    def tasks_by_teacher(self) -> dict[str, int]:
        """Count the tasks that each teacher answers."""
        ids = self._run.scan(TASKS).select("task_id").collect()["task_id"].to_list()
        return {each.teacher.name: sum(map(each.answers, ids)) for each in self.teachers}

    def settle(self, out: TableWriter, shown_notes: TableWriter | None = None) -> None:
        """Count the requests and the skipped tasks, and write new contexts, and which notes they show, to tables.

        `key` becomes a hash of all ids in order: plans with equal keys have the same requests.
        """
        hashers = [hashlib.sha256() for _ in self.teachers]
        for teacher in self.teachers:
            teacher.total = 0
        rows: list[dict[str, Any]] = []
        task_id, written = "", set[str | None]()  # a context that two teachers read is one row
        for number, task, cell in self._cells(range(len(self.teachers))):
            if task["task_id"] != task_id:
                task_id, written = task["task_id"], {None, *self.earlier.context_ids(task["task_id"])}
            teacher, hasher = self.teachers[number], hashers[number]
            for context, requests in teacher.prompts(task, cell, self._texts):
                if context.context_id not in written:
                    rows.append(_context_row(task, cell, context))
                    written.add(context.context_id)
                    if shown_notes is not None and context.notes:
                        shown_notes.write(SHOWN_NOTES.frame(_note_rows(cell, context)))
                for _, request in requests:
                    hasher.update(request.request_id.encode())
                    teacher.total += 1
            if len(rows) >= 1_000:
                out.write(CONTEXTS.frame(rows))
                rows.clear()
        out.write(CONTEXTS.frame(rows))
        self.total = 0
        for teacher in self.teachers:
            teacher.first = self.total
            self.total += teacher.total
        keys = [hasher.hexdigest() for hasher in hashers]
        self.key = keys[0] if len(keys) == 1 else hashlib.sha256("".join(keys).encode()).hexdigest()

    def __iter__(self) -> Iterator[Planned]:
        """Yield the requests by teacher in the recipe's order, task in table order, privilege and sample.

        Thus requests with equal prompts follow each other.
        """
        for number in range(len(self.teachers)):
            yield from self.requests_of(number)

    def requests_of(self, number: int) -> Iterator[Planned]:
        """Yield the requests of one of `teachers`, once the round is settled."""
        teacher = self.teachers[number]
        index = teacher.first
        for _, task, cell in self._cells([number]):
            for context, requests in teacher.prompts(task, cell, self._texts):
                for sample, request in requests:
                    place = (task["task_id"], cell.use.label, context.context_id, teacher.teacher.name)
                    yield Planned(index, request, *place, sample, self.round)
                    index += 1

    def cells_with_attempts(self) -> Iterator[tuple[TeacherRequests, Task, Cell, dict[str, Attempt]]]:
        """Yield all cells with requests due, each with its teacher and the attempts that it shows, by trace_id."""
        for number, task, cell in self._cells(range(len(self.teachers))):
            yield self.teachers[number], task, cell, self._texts

    def _cells(self, numbers: Sequence[int]) -> Iterator[tuple[int, Task, Cell]]:
        """Yield these teachers' cells with requests due, by task; `_texts` holds the attempts that a cell shows."""
        for number in numbers:
            self.teachers[number].schedule.begin()
        tasks = (task for part in self._run.parts(TASKS) for task in part.iter_rows(named=True))
        size = _TASKS_AT_A_TIME if self._in_rounds else 1
        while chunk := list(islice(tasks, size)):
            cells = [
                (number, task, cell)
                for task in chunk
                for number in numbers
                for cell in self.teachers[number].cells(task, self.earlier)
            ]
            self._texts = self.earlier.texts(_attempts(cell for _, _, cell in cells))
            yield from cells


def _attempts(cells: Iterator[Cell]) -> Iterator[EarlierTrace]:
    return (trace for cell in cells for due in cell.requests for trace in due.attempts)


def _context_row(task: Task, cell: Cell, context: Context) -> dict[str, Any]:
    return {
        "context_id": context.context_id,
        "task_id": task["task_id"],
        "privilege": cell.use.label,
        "text": context.text,
    }


def _note_rows(cell: Cell, context: Context) -> list[dict[str, Any]]:
    return [
        {
            "context_id": context.context_id,
            "note_id": note.note_id,
            "task_id": note.task_id,
            "kind": cell.use.notes,
            "states_answer": note.states_answer,
        }
        for note in context.notes
    ]


def context_writer(run: Run) -> ContextWriter:
    """Make the writer of a run's contexts; it holds all tasks in memory if a privilege takes text from other tasks."""
    generate = run.recipe.generate
    assert generate is not None
    rows: list[dict[str, Any]] = []
    if any(use.privilege.from_other_tasks for use in generate.uses):
        rows = run.scan(TASKS).sort("task_id").collect().to_dicts()
    return ContextWriter(generate.wording, Decoys(run.recipe.seed, rows, run.base))
