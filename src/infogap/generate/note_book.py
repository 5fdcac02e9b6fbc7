"""The notes of a run's contexts: what is requested for each, what came back, and which a task is shown.

A note is identified by its request, whose id is a hash of everything that determines it. One that cannot be used is
requested once more, with another seed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from infogap.errors import InputError
from infogap.generate.answering_teacher import AnsweringTeacher
from infogap.generate.earlier_rounds import EarlierRounds, EarlierTrace
from infogap.generate.lesson_pool import LessonTasks, PoolTask, in_order_of_choice
from infogap.generate.note_checks import gives_away, quotes_attempt, shortened, states_answer
from infogap.generate.note_table import NoteTable
from infogap.privileges.base import Attempt, Note, Task, UnmetNeedError
from infogap.privileges.contexts import fill_within_limits
from infogap.recipe.privilege_entries import PrivilegeUse
from infogap.runs.run_folder import Run
from infogap.schema import NOTES
from infogap.teachers.base import Request

MOST_REQUESTS = 2
"""How often a note is requested, at most: again with another seed, if the first one cannot be used."""


@dataclass(frozen=True)
class Due:
    """A note that is not written yet: the request for it, which is number `attempt` of `MOST_REQUESTS`."""

    request: Request
    attempt: int


@dataclass(frozen=True)
class Unusable:
    """A note that is not requested again, and why it cannot be used."""

    problem: str


Found = Note | Due | Unusable
Accept = Callable[[str], str | Unusable]
"""Return what of a written note is shown, or why none of it is."""


class NoteBook:
    """The notes of one run, as far as the waves that `read` names have written them."""

    def __init__(self, run: Run, teachers: Sequence[AnsweringTeacher]) -> None:
        self.folder: Path = run.path / NOTES.name
        self.teachers = teachers
        self.tasks = LessonTasks(run)
        self.seed = run.recipe.seed
        self.table = NoteTable(self.folder, before=0)
        self._by_name = {teacher.recipe_name: teacher for teacher in teachers}
        self._of: dict[str, TeacherNotes] = {}

    def read(self, waves: int) -> None:
        """Read what the first `waves` waves wrote."""
        self.table = NoteTable(self.folder, before=waves)

    def of(self, teacher: AnsweringTeacher) -> TeacherNotes:
        """Return the notes that are shown to one teacher."""
        return self._of.setdefault(teacher.name, TeacherNotes(self, teacher))

    def writer(self, teacher: AnsweringTeacher, use: PrivilegeUse) -> AnsweringTeacher:
        """Return the teacher that writes the notes which a privilege shows to a teacher."""
        return teacher if use.note_writer is None else self._by_name[use.note_writer]


class TeacherNotes:
    """The notes that are shown to one teacher."""

    def __init__(self, book: NoteBook, teacher: AnsweringTeacher) -> None:
        self.withheld = Counter[str]()  # by privilege: lessons that would give a task's answer or solution away
        self.unsampled: dict[tuple[str, str, int], str] = {}  # privilege, task_id, sample -> what its critique is
        self.pools: dict[str, list[PoolTask]] = {}  # by privilege, once its attempts are complete
        self._book, self._teacher = book, teacher
        self._lessons: dict[str, list[tuple[Note, str]]] = {}  # each with its task's question
        self._chosen: dict[tuple[str, str], list[Note]] = {}

    def critique(self, use: PrivilegeUse, task: Task, trace: EarlierTrace, attempt: Attempt) -> Found:
        """Look up the critique of an attempt."""
        values = {"question": task["question"], "attempt": attempt.response.strip(), "solution": task["solution"]}
        found = self._look_up(use, task["task_id"], trace.trace_id, values, _non_empty)
        if not isinstance(found, Note):
            return found
        return replace(found, states_answer=states_answer(found.text, task, attempt.response))

    def lesson(self, use: PrivilegeUse, each: PoolTask) -> Found:
        """Look up the lesson from the attempts at a task of the pool."""
        words = use.privilege.words

        def accept(text: str) -> str | Unusable:
            short = shortened(text, words)
            if not short:
                return Unusable("too long")
            quotes = quotes_attempt(short, each.task["question"], list(each.attempts))
            return Unusable("quotes an attempt") if quotes else short

        values = {"question": each.task["question"], "right": each.right, "wrong": each.wrong, "words": words}
        return self._look_up(use, each.task["task_id"], None, values, accept)

    def fill_pool(self, use: PrivilegeUse, earlier: EarlierRounds) -> list[PoolTask]:
        """Return the pool of a privilege; it is chosen at the first call, once the attempts are complete."""
        if use.label not in self.pools:
            named = self._teacher.name if self._teacher.named else None
            self.pools[use.label] = self._book.tasks.pool(earlier, str(use.source), named, use.privilege.pool)
        return self.pools[use.label]

    def finish(self, use: PrivilegeUse) -> None:
        """Note that all lessons of a privilege are written, as far as they can be."""
        if use.label not in self._lessons:
            looked_up = [(self.lesson(use, each), each.task["question"]) for each in self.pools[use.label]]
            self._lessons[use.label] = [(found, asked) for found, asked in looked_up if isinstance(found, Note)]

    def drawn(self, use: PrivilegeUse) -> list[str | None]:
        """Return, for each task of the pool, why its lesson cannot be used; None if it can."""
        return [
            found.problem if isinstance(found, Unusable) else None
            for found in (self.lesson(use, each) for each in self.pools[use.label])
        ]

    def is_finished(self, use: PrivilegeUse) -> bool:
        """Return True if the lessons of a privilege are written."""
        return use.label in self._lessons

    def lessons(self, use: PrivilegeUse, task: Task) -> list[Note]:
        """Return the lessons that a task is shown. Raises UnmetNeedError if there are too few."""
        key = use.label, task["task_id"]
        if key not in self._chosen:
            self._chosen[key] = self._choose(use, task)
        if len(self._chosen[key]) < use.privilege.count:
            raise UnmetNeedError(f"fewer than {use.privilege.count} usable notes of other tasks")
        return self._chosen[key]

    def _choose(self, use: PrivilegeUse, task: Task) -> list[Note]:
        chosen: list[Note] = []
        allowed = [each for each in self._lessons[use.label] if self._book.tasks.may_show(each[0], task)]
        for note in in_order_of_choice(allowed, task, self._book.seed, similar=use.privilege.choose == "similar"):
            if len(chosen) == use.privilege.count:
                break
            if gives_away(note.text, task):
                self.withheld[use.label] += 1
            else:
                chosen.append(note)
        return chosen

    def _look_up(
        self, use: PrivilegeUse, task_id: str, about: str | None, values: dict[str, object], accept: Accept
    ) -> Found:
        """Look up the note on a task, or on the trace `about`, that is requested with these values in its prompt."""
        variables = {name: values[name] for name in use.privilege.note_variables}
        try:
            prompt = fill_within_limits(use.privilege.note_prompt, **variables).strip()
        except InputError as error:
            raise InputError(f"privilege '{use.label}': {error}") from error
        problem = ""
        for number in range(MOST_REQUESTS):
            request = self._request(use, (task_id, about), prompt, number)
            if request.request_id not in self._book.table:
                return Due(request, number)
            problem = self._book.table.problem(request.request_id) or ""
            if problem == "failed":  # the backend has tried it as often as it may
                break
            if not problem:
                accepted = accept(self._book.table.text(request.request_id))
                if isinstance(accepted, str):
                    return Note(request.request_id, task_id, accepted)
                problem = accepted.problem
        return Unusable(problem)

    def _request(self, use: PrivilegeUse, about: tuple[str, str | None], prompt: str, number: int) -> Request:
        writer = self._book.writer(self._teacher, use)
        messages = [{"role": "user", "content": prompt}]
        seed = writer.seed(self._book.seed, "note", self._teacher.own_name, use.label, *about, number)
        return Request(writer.request_id(messages, seed), messages, seed)


def _non_empty(text: str) -> str:
    return text.strip()
