"""Plan a wave of notes: the critiques and lessons that the next round's contexts need, and that are not written yet."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from infogap.generate.answering_teacher import AnsweringTeacher
from infogap.generate.note_book import Due, Found, NoteBook
from infogap.generate.request_plan import Plan, Planned


@dataclass
class NoteWriter:
    """The requests to one teacher in a wave."""

    teacher: AnsweringTeacher
    total: int = 0
    first: int = 0  # the index of its first request in the wave


@dataclass(frozen=True)
class _Wanted:
    writer: str
    due: Due
    task_id: str
    privilege: str
    about: str | None


class NotePlan:
    """The requests of a wave, derived again in every pass, as those of a round are."""

    what = "notes"
    keeps_tokens = False

    def __init__(self, plan: Plan, book: NoteBook, wave: int) -> None:
        """`plan` is that of the round whose contexts show the notes; `book` has the notes of the waves before."""
        self.teachers = [NoteWriter(teacher) for teacher in book.teachers]
        self.round = wave
        self.total = 0
        self.key = ""
        self._plan, self._book = plan, book

    def settle(self) -> None:
        """Count the requests; `key` becomes a hash of their ids in order."""
        hasher = hashlib.sha256()
        by_name = {writer.teacher.name: writer for writer in self.teachers}
        for wanted in self._wanted():
            hasher.update(wanted.due.request.request_id.encode())
            by_name[wanted.writer].total += 1
        for writer in self.teachers:
            writer.first = self.total
            self.total += writer.total
        self.key = hasher.hexdigest()

    def requests_of(self, number: int) -> Iterator[Planned]:
        """Yield the requests of one of `teachers`, once the wave is settled."""
        writer = self.teachers[number]
        index = writer.first
        for wanted in self._wanted():
            if wanted.writer == writer.teacher.name:
                place = (wanted.task_id, wanted.privilege, wanted.about, wanted.writer)
                yield Planned(index, wanted.due.request, *place, wanted.due.attempt, self.round)
                index += 1

    def _wanted(self) -> Iterator[_Wanted]:
        """Yield the critiques, task by task, then the lessons of privileges whose attempts are complete."""
        for to_teacher, task, cell, texts in self._plan.cells_with_attempts():
            if cell.use.notes != "critique":
                continue
            notes, writer = self._book.of(to_teacher.teacher), self._book.writer(to_teacher.teacher, cell.use)
            traces = {trace.trace_id: trace for due in cell.requests for trace in due.attempts}
            for trace in traces.values():
                found = notes.critique(cell.use, task, trace, texts[trace.trace_id])
                yield from _due(found, writer, task["task_id"], cell.use.label, trace.trace_id)
        for to_teacher in self._plan.teachers:
            notes = self._book.of(to_teacher.teacher)
            for use in to_teacher.lessons_to_write():
                writer = self._book.writer(to_teacher.teacher, use)
                for each in notes.fill_pool(use, self._plan.earlier):
                    yield from _due(notes.lesson(use, each), writer, each.task["task_id"], use.label, None)

    def finish(self) -> None:
        """Let contexts show the lessons that are written, once none is due."""
        for to_teacher in self._plan.teachers:
            for use in to_teacher.lessons_to_write():
                self._book.of(to_teacher.teacher).finish(use)


def _due(found: Found, writer: AnsweringTeacher, task_id: str, label: str, about: str | None) -> Iterator[_Wanted]:
    if isinstance(found, Due):
        yield _Wanted(writer.name, found, task_id, label, about)
