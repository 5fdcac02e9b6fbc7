"""A recipe's teacher in a run: its name in the traces, what determines its answers, and the one that is open."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from infogap.errors import ExternalError, InputError
from infogap.ids import derived_seed, stable_id
from infogap.interrupts import Stopping
from infogap.recipe.teacher_section import AnyTeacher, Price
from infogap.teachers import Completion, Request, Teacher, open_teacher
from infogap.teachers.base import Resolve, backend_of
from infogap.teachers.model_identity import model_identity, name_of

if TYPE_CHECKING:
    from infogap.runs.run_folder import Run


@dataclass(frozen=True)
class AnsweringTeacher:
    """One teacher of a run.

    Ids and seeds depend only on its own settings, so that a change of another teacher sends none of its requests again.
    A teacher of `teachers` whose name is its model's keeps the answers that it gave as the only `teacher`.
    """

    name: str  # in the traces
    recipe_name: str  # its key in `teachers`; empty for the only `teacher`
    settings: AnyTeacher
    model: str  # the backend's name for its model
    files: dict[str, Any]  # see `model_identity`

    @property
    def named(self) -> bool:
        """True if the recipe names it, as one of several."""
        return bool(self.recipe_name)

    @property
    def with_tokens(self) -> bool:
        """True if the log-probabilities of its tokens are recorded."""
        return self.settings.logprobs is not None

    @property
    def in_batches(self) -> bool:
        """True if it answers files of requests, hours later."""
        return backend_of(self.settings).in_batches(self.settings)

    @property
    def most_tokens(self) -> int:
        """The largest number of tokens that an answer can have."""
        return self.settings.sampling.max_tokens

    @property
    def price(self) -> Price | None:
        """The price of its tokens, if the recipe gives one."""
        return backend_of(self.settings).price(self.settings)

    def request_id(self, messages: list[dict[str, str]], seed: int) -> str:
        """Hash everything that determines the answer to a request."""
        return stable_id(self.model, messages, self.settings.answer_settings | self.files, seed, *self.own_name)

    def seed(self, *parts: object) -> int:
        """Derive a request's seed: two teachers of one model sample independently."""
        return derived_seed(*parts, *self.own_name)

    @property
    def own_name(self) -> tuple[str, ...]:
        """What tells its seeds and ids from those of its model: its name, if that is another one."""
        return () if self.name == self.model else (self.name,)


def answering_teachers(run: Run) -> list[AnsweringTeacher]:
    """Return the teachers of a run, in the recipe's order. Raises InputError if a model is a path to nothing."""
    teachers = []
    for recipe_name, settings in run.recipe.every_teacher.items():
        model = name_of(settings, run.resolve)
        files = model_identity(settings, run.resolve)
        teachers.append(AnsweringTeacher(recipe_name or model, recipe_name, settings, model, files))
    return teachers


class TeacherFailedError(ExternalError):
    """One of several teachers could not be opened, or stopped answering; the others can still answer."""


@contextmanager
def named_failures(teacher: AnsweringTeacher) -> Iterator[None]:
    """Put the name of one of several teachers before its errors; those of an only teacher are raised unchanged."""
    try:
        yield
    except (ExternalError, InputError) as error:
        if not teacher.named:
            raise
        kind = TeacherFailedError if isinstance(error, ExternalError) else InputError
        raise kind(f"teacher {teacher.name}: {error}") from error


class OneOpenTeacher:
    """Opens a teacher when its first request is sent, and closes it before another is opened."""

    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve
        self._open: tuple[AnsweringTeacher, Teacher] | None = None

    @property
    def name(self) -> str | None:
        """The name of the teacher that is open; None if none is."""
        return self._open[0].name if self._open else None

    def answers(self, wanted: AnsweringTeacher, requests: Iterator[Request], stop: Stopping) -> Iterator[Completion]:
        """Yield a teacher's answers to requests; without requests it is not opened.

        If one of several teachers fails, raises TeacherFailedError or InputError with its name; if the only one fails,
        ExternalError or InputError. Errors of `requests` itself are raised unchanged.
        """
        first = next(requests, None)
        if first is None:
            return
        request_errors: list[BaseException] = []
        try:
            teacher = self._opened(wanted)
            if not stop.asked:  # it may have been while the teacher was opening
                yield from teacher.answer(_noting_errors(chain([first], requests), request_errors))
        except (ExternalError, InputError) as error:
            if error in request_errors:
                raise
            with named_failures(wanted):
                raise

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
    """Yield the requests, and note the errors of reading them: these are not failures of the teacher that reads."""
    try:
        yield from requests
    except (ExternalError, InputError) as error:
        errors.append(error)
        raise
