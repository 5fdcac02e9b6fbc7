"""A teacher's batches in one command: those in flight, what came back, and how new ones are sent and collected."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infogap import plugins
from infogap.console import say
from infogap.errors import ExternalError, InputError
from infogap.generate.answering_teacher import AnsweringTeacher
from infogap.generate.batch_collection import clean_up, collect
from infogap.generate.batch_file import BatchFile
from infogap.generate.batch_records import BatchFolder, BatchRecord, Failure
from infogap.generate.batch_sending import record_batch, seen, send
from infogap.generate.batch_waiting import Waiting
from infogap.interrupts import Stopping
from infogap.runs.budget import Spending
from infogap.schema import TRACES
from infogap.teachers.base import Backend, backend_of
from infogap.teachers.batch_service import BatchService, BatchState, NoAnswerError, NoSuchBatchError

MOST_FAILED_LOOKS = 20  # in a row; each consists of several attempts


@dataclass(frozen=True)
class Line:
    """A request on its way into a file."""

    request_id: str
    content: bytes
    most_tokens: int


class TeacherBatches:
    """The batches of one teacher. What earlier commands began is resumed when this is made."""

    def __init__(self, run: Path, teacher: AnsweringTeacher, spending: Spending, tags: Counter[str]) -> None:
        """Look for batches that an earlier command may have created, and count what is in flight as spent.

        Raises ExternalError if the service cannot tell.
        """
        self.in_flight: set[str] = set()  # ids of requests
        self.queue_full = False  # the service takes no more before something else has ended
        self._folder, self._traces = BatchFolder(run), run / TRACES.name
        self._teacher, self._spending, self._tags = teacher, spending, tags
        self._service = backend_of(teacher.settings).open_batches(teacher.settings) if teacher.in_batches else None
        self._failures: dict[str, Failure] = {}
        self._attempts = Counter[str]()
        self._failed_looks = 0
        self._folder.drop_unrecorded()
        for record in self._folder.records(teacher.name):
            self._resume(record)

    @property
    def records(self) -> list[BatchRecord]:
        """The batches in flight."""
        return self._folder.in_flight(self._teacher.name)

    @property
    def service(self) -> BatchService:
        """The service that new batches are sent to."""
        assert self._service is not None
        return self._service

    def failure(self, request_id: str) -> Failure | None:
        """Return the last failure of a request; it is final once the request was sent as often as allowed."""
        failure = self._failures.get(request_id)
        if failure is None or failure.final or self._attempts[request_id] < self.service.attempts:
            return failure
        return Failure(failure.reason, f"{failure.message} ({self._attempts[request_id]} attempts)", final=True)

    def send_all(self, lines: Iterator[Line], stop: Stopping) -> None:
        """Send requests as batches, as few as the service's limits allow. Raises ExternalError."""
        line = next(lines, None)
        while line is not None:
            name = self._folder.new_name()
            path = self._folder.input_path(name)
            with BatchFile(path, self.service.most_requests, self.service.most_bytes) as file:
                while line is not None and file.has_room_for(line.content):
                    file.add(line.request_id, line.content, line.most_tokens)
                    line = next(lines, None)
            if stop.asked:  # the file is removed by the next command
                return
            settings = self._teacher.settings
            record = record_batch(self._folder, name, self._teacher.name, settings, file, self.service.server)
            self.in_flight.update(file.ids)
            send(self._folder, record, self.service, resumed=False)

    def collect_ended(self, waiting: Waiting, *, patient: bool) -> bool:
        """Look at every batch in flight, and collect those that have ended; return True if there were any.

        `patient`: a service that does not answer is asked again later. Raises ExternalError if a batch was refused or
        cancelled, once everything else is collected.
        """
        ended, problems = False, list[str]()
        for record in self.records:
            state = self._look(record, patient)
            if state is None:
                continue
            record = self._folder.write_if_new(record, seen(record, state))  # noqa: PLW2901
            if not state.ended:
                waiting.report(record)
                continue
            ended = True
            self._end(record, state)
            if state.refused is not None:
                problems += self._refusal(record, state)
            elif state.cancelled:
                problems.append(
                    f"batch {record.batch_id} was cancelled at the provider; what it has answered is kept, and the "
                    "same command sends its other requests again"
                )
        if problems:
            raise ExternalError("; ".join(problems))
        return ended

    def _resume(self, record: BatchRecord) -> None:
        service = self._service_of(record)
        if record.stage == "in_flight":
            self.in_flight.update(self._folder.ids(record.name))
            self._spending.in_flight_before(record.requests, record.most_tokens)
            if record.batch_id is None:
                send(self._folder, record, service, resumed=True)
            return
        if record.files or self._folder.input_path(record.name).is_file():
            clean_up(self._folder, record, service)
        self._note(self._folder.failures(record.name))

    def _note(self, failures: dict[str, Failure]) -> None:
        self._failures |= failures
        self._attempts.update(failures.keys())

    def _look(self, record: BatchRecord, patient: bool) -> BatchState | None:
        """Ask for a batch's state; None if the service does not answer now, and may later."""
        assert record.batch_id is not None
        try:
            state = self._service_of(record).state(record.batch_id)
        except NoAnswerError as error:
            self._failed_looks += 1
            if not patient or self._failed_looks >= MOST_FAILED_LOOKS:
                raise ExternalError(f"{error}; batch {record.batch_id} is in flight; run again to continue") from error
            say(f"{error}; batch {record.batch_id} is looked at again later", style="yellow")
            return None
        except NoSuchBatchError as error:
            path = self._folder.path / f"{record.name}.json"
            raise ExternalError(
                f"{error}; is the key that of the account that sent it? If the batch is gone, remove {path}, and its "
                f"{record.requests:,} requests are sent and paid for again"
            ) from error
        self._failed_looks = 0
        return state

    def _end(self, record: BatchRecord, state: BatchState) -> None:
        """Collect a batch, or note that it was refused; its requests are not in flight any more."""
        service = self._service_of(record)
        if state.refused is not None:
            record = self._folder.refused(record)
            clean_up(self._folder, record, service)
            self._spending.take_back(record.requests, record.most_tokens)
        else:
            collected = collect(self._folder, self._traces, record, state, service, self._reader_of(record))
            tokens = collected.prompt_tokens + collected.completion_tokens
            self._tags.update(collected.tags)
            self._note(self._folder.failures(record.name))
            self._spending.release(record.requests, record.most_tokens, tokens)
            self.queue_full = False
        self.in_flight.difference_update(self._folder.ids(record.name))

    def _refusal(self, record: BatchRecord, state: BatchState) -> list[str]:
        """Return what to say of a refused batch; nothing if it only has to wait for the others."""
        if state.queue_full and self.in_flight:
            self.queue_full = True
            say(f"batch {record.batch_id} waits for the others: {state.refused}", style="yellow")
            return []
        hint = "; lower `batch.requests` of the teacher" if state.queue_full else ""
        return [f"the provider refused batch {record.batch_id}: {state.refused}{hint}; nothing of it was answered"]

    def _service_of(self, record: BatchRecord) -> BatchService:
        """Return the service that a batch was sent to: the present one, or that of a former recipe."""
        if self._service is not None and self._service.server == record.server:
            return self._service
        return self._reader_of(record)

    def _reader_of(self, record: BatchRecord) -> BatchService:
        """Return the service with the settings under which a batch was sent: its answers are read with these."""
        backend: Backend[Any] = plugins.load("backends", record.backend)
        return backend.open_batches(backend.settings.model_validate(record.settings))


class BatchesByTeacher:
    """The batches of every teacher in one command, looked at when they are first needed."""

    def __init__(self, run: Path, spending: Spending, tags: Counter[str]) -> None:
        """`tags` counts the tags that split thoughts from responses."""
        self._run, self._spending, self._tags = run, spending, tags
        self._known: dict[str, TeacherBatches] = {}

    def of(self, teacher: AnsweringTeacher) -> TeacherBatches:
        """Return a teacher's batches. Raises ExternalError, as `TeacherBatches`."""
        if teacher.name not in self._known:
            self._known[teacher.name] = TeacherBatches(self._run, teacher, self._spending, self._tags)
        return self._known[teacher.name]

    @property
    def in_flight(self) -> bool:
        """True if a batch that this command knows of is in flight."""
        return any(batches.in_flight for batches in self._known.values())

    def collect_before_live(self, teacher: AnsweringTeacher, stop: Stopping) -> bool:
        """Collect the ended batches of a teacher that answers live now; return True if any were in flight."""
        if not BatchFolder(self._run).in_flight(teacher.name):
            return False
        self.of(teacher).collect_ended(Waiting(stop), patient=False)
        return True

    def check_not_in_flight(self, teacher: AnsweringTeacher, request_ids: Iterable[str]) -> None:
        """Raise InputError if one of these requests is in a batch: it is paid for, and would be paid for twice."""
        batches = self.of(teacher)
        twice = sum(request_id in batches.in_flight for request_id in request_ids)
        if twice:
            raise InputError(
                f"{twice:,} requests to {teacher.name} are in flight in batches "
                f"({', '.join(record.batch_id or record.name for record in batches.records)}), and would be paid for "
                "twice; set `mode: batch` to wait for them, or cancel them at the provider and run again"
            )
