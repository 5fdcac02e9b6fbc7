"""The one teacher that is open: an engine needs the GPU alone, and loading a model takes minutes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from infogap.errors import ExternalError, InputError
from infogap.interrupts import Stopping
from infogap.teachers import Completion, Request, Teacher, open_teacher
from infogap.teachers.answering_teacher import AnsweringTeacher
from infogap.teachers.base import Resolve


class TeacherFailedError(ExternalError):
    """One of several teachers could not be opened or went on no longer: the others can still answer."""


class OneOpenTeacher:
    """Opens a teacher when its first request is sent, and closes it before another is opened."""

    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve
        self._open: tuple[AnsweringTeacher, Teacher] | None = None

    @property
    def name(self) -> str | None:
        """What traces call the teacher that is open."""
        return self._open[0].name if self._open else None

    def answers(self, wanted: AnsweringTeacher, requests: Iterator[Request], stop: Stopping) -> Iterator[Completion]:
        """Yield a teacher's answers to requests; where there is none, it is not opened.

        Raises TeacherFailedError or InputError, with its name, where a teacher of several fails; ExternalError or
        InputError for the only one. What `requests` raises is raised as it is.
        """
        first = next(requests, None)
        if first is None:
            return
        of_requests: list[BaseException] = []
        try:
            teacher = self._opened(wanted)
            if not stop.asked:  # while it was opened
                yield from teacher.answer(_noting_errors(chain([first], requests), of_requests))
        except (ExternalError, InputError) as error:
            if not wanted.named or error in of_requests:
                raise
            kind = TeacherFailedError if isinstance(error, ExternalError) else InputError
            raise kind(f"teacher {wanted.name}: {error}") from error

    def close(self) -> None:
        if self._open:
            teacher = self._open[1]
            self._open = None
            teacher.close()

    def _opened(self, wanted: AnsweringTeacher) -> Teacher:
        if self._open is None or self._open[0].name != wanted.name:
            self.close()
            self._open = wanted, open_teacher(wanted.settings, self._resolve)
        return self._open[1]


def _noting_errors(requests: Iterator[Request], errors: list[BaseException]) -> Iterator[Request]:
    """The requests as they are; what reading them raises is no failure of the teacher that reads them."""
    try:
        yield from requests
    except (ExternalError, InputError) as error:
        errors.append(error)
        raise
