"""The requests to one teacher in a round: its cells, the contexts that they show, and their ids and seeds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from infogap.generate.answering_teacher import AnsweringTeacher
from infogap.generate.cell_requests import Cell, CellRequest, MoreSamples, Schedule, TopUpSchedule
from infogap.generate.earlier_rounds import EarlierRounds
from infogap.generate.note_book import TeacherNotes, Unusable
from infogap.ids import stable_id
from infogap.privileges.base import Attempt, Note, Task
from infogap.privileges.contexts import Context, ContextWriter
from infogap.privileges.prompt_messages import teacher_messages
from infogap.recipe.generate_section import Generate
from infogap.recipe.privilege_entries import PrivilegeUse
from infogap.runs.run_folder import Run
from infogap.teachers.base import Request


class TeacherRequests:
    """The requests to one teacher in a round."""

    def __init__(
        self,
        run: Run,
        teacher: AnsweringTeacher,
        contexts: ContextWriter,
        more: MoreSamples | None = None,
        notes: TeacherNotes | None = None,
    ) -> None:
        """`more`: in a round of a top-up, the samples that it adds for this teacher.

        `notes`: those that its contexts show.
        """
        generate = run.recipe.generate
        assert generate is not None
        uses = generate.uses_of(teacher.recipe_name)
        self.teacher = teacher
        self.schedule = (
            Schedule(generate, contexts, uses, notes)
            if more is None
            else TopUpSchedule(generate, contexts, uses, more, notes)
        )
        self._notes = notes
        self.traces = bool(uses)  # False for one that only writes critiques or lessons
        self.total = 0  # once the round is settled
        self.first = 0  # the index of its first request in the round
        self._generate: Generate = generate
        self._seed = run.recipe.seed
        self._contexts = contexts
        self._drawn_from = run.recipe.tracing_teachers if generate.one_teacher_per_task else []
        self._lessons = [use for use in uses if use.notes == "lesson"]

    def answers(self, task_id: str) -> bool:
        """Return True if the teacher answers a task: it answers all, unless each task is drawn for one teacher."""
        return not self._drawn_from or drawn_teacher(self._seed, task_id, self._drawn_from) == self.teacher.recipe_name

    def cells(self, task: Task, earlier: EarlierRounds) -> Iterator[Cell]:
        """Yield the task's cells with requests due; none for a teacher that only writes notes."""
        if self.traces and self.answers(task["task_id"]):
            own = earlier.of(task["task_id"], self.teacher.name if self.teacher.named else None)
            yield from self.schedule.cells(task, own)

    def prompts(
        self, task: Task, cell: Cell, texts: dict[str, Attempt]
    ) -> Iterator[tuple[Context, list[tuple[int, Request]]]]:
        """Yield a cell's contexts, each with its requests and their samples: one for all, or one for each request.

        `texts` holds the attempts that the cell shows, by trace_id.
        """
        if cell.context is not None:
            yield cell.context, self._requests(task, cell, cell.context, cell.requests)
            return
        for due in cell.requests:
            attempts = [texts[trace.trace_id] for trace in due.attempts]
            if cell.use.notes == "critique":
                criticized = self._with_critiques(task, cell, due, attempts)
                if criticized is None:
                    continue
                attempts = criticized
            context = self._contexts.write(task, cell.use, attempts)
            yield context, self._requests(task, cell, context, [due])

    def lessons_to_write(self) -> list[PrivilegeUse]:
        """Return the privileges that show lessons and whose attempts are complete, as the last pass found."""
        return [use for use in self._lessons if use.source not in self.schedule.open]

    def _with_critiques(
        self, task: Task, cell: Cell, due: CellRequest, attempts: list[Attempt]
    ) -> list[Attempt] | None:
        """Return the attempts with their critiques; None if one has none that can be used, which is noted."""
        criticized = []
        for trace, attempt in zip(due.attempts, attempts, strict=True):
            assert self._notes is not None
            found = self._notes.critique(cell.use, task, trace, attempt)
            if not isinstance(found, Note):
                problem = found.problem if isinstance(found, Unusable) else "not written"
                self._notes.unsampled[cell.use.label, task["task_id"], due.sample] = problem
                return None
            criticized.append(replace(attempt, critique=found))
        return criticized

    def _requests(
        self, task: Task, cell: Cell, context: Context, requests_due: list[CellRequest]
    ) -> list[tuple[int, Request]]:
        messages = teacher_messages(task, context.text, self._generate.instruction, self._generate.wording)
        requests = []
        for due in requests_due:
            turn = (due.turn,) if due.turn else ()
            seed = self.teacher.seed(self._seed, task["task_id"], cell.use.label, due.sample, *turn)
            requests.append((due.sample, Request(self.teacher.request_id(messages, seed), messages, seed)))
        return requests


def drawn_teacher(seed: int, task_id: str, teachers: Sequence[str]) -> str:
    """Draw the teacher that answers a task, from the recipe's seed and the task's id alone; return its name.

    The teacher with the highest hash for this task answers (rendezvous hashing, Thaler and Ravishankar 1998): each of n
    teachers is drawn with probability 1/n whatever the other tasks are, and a teacher that is added takes over some
    tasks, while no other task changes its teacher.
    """
    return max(teachers, key=lambda name: (stable_id("teacher of a task", seed, task_id, name), name))
