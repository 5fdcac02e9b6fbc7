"""The batches of a run on disk: what was sent to which teacher, in which state it is, and what came back.

The folder `batches` of a run has, for each batch NAME (the run's own id and a number):

- `NAME.json`, the record: rewritten as a whole at every step, before the next one is taken;
- `NAME.ids`, the ids of its requests, a line each, in the order of its file;
- `NAME.jsonl`, the file that is uploaded, until the answers are in the cache of the traces;
- `NAME.failed.json`, once its answers are there: the requests without an answer, each with the reason; renamed to
  `NAME.forgiven.json` when they are to be sent again.

A record is on disk before its file is uploaded, and has the file's id before a batch is created from it. So a process
that finds a record without a batch looks for the batch at the service first, and no request is paid for twice.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import orjson

from infogap.atomic_files import write_text
from infogap.errors import ExternalError
from infogap.teachers.base import FailureReason

FOLDER = "batches"
_RUN = "run_id"


@dataclass(frozen=True)
class Failure:
    """A request of a batch without an answer. `final`: the service refuses it and would do so again."""

    reason: FailureReason
    message: str
    final: bool


@dataclass(frozen=True)
class BatchRecord:
    """One batch of one teacher."""

    name: str
    teacher: str  # its name in the traces
    backend: str
    server: str
    settings: dict[str, Any]  # the teacher's when it was sent: its answers are read with these
    sha256: str  # of the file
    requests: int
    most_tokens: int  # that its requests can cost, together
    written_at: float  # as time.time()
    file_id: str | None = None
    batch_id: str | None = None
    # in_flight: it may be at the service; collected: its answers are in the cache; refused: nothing was answered.
    stage: Literal["in_flight", "collected", "refused"] = "in_flight"
    status: str | None = None  # the service's last word
    completed: int | None = None  # by the service's last count
    failed: int | None = None
    submitted_at: float | None = None  # as time.time(), by the service's clock if it says
    files: tuple[str, ...] = ()  # at the service, to be deleted once the batch is collected
    oddities: str | None = None  # what should not be in its files, or is missing: they stay at the service

    @property
    def labels(self) -> dict[str, str]:
        """The labels of the batch at the service, by which it is found again."""
        return {"infogap_batch": self.name, "infogap_sha256": self.sha256}


class BatchFolder:
    """The batches of a run."""

    def __init__(self, run: Path) -> None:
        self.path = run / FOLDER

    def records(self, teacher: str | None = None) -> list[BatchRecord]:
        """Return the records, in the order in which they were written; only those of one teacher, if named."""
        found = [_read(path) for path in sorted(self.path.glob("*.json")) if path.name.count(".") == 1]
        return sorted(
            (each for each in found if teacher in (None, each.teacher)), key=lambda each: (each.written_at, each.name)
        )

    def in_flight(self, teacher: str | None = None) -> list[BatchRecord]:
        """Return the batches whose answers are not collected yet."""
        return [record for record in self.records(teacher) if record.stage == "in_flight"]

    def new_name(self) -> str:
        """Return a name for the next batch, that no other run has."""
        path = self.path / _RUN
        if not path.is_file():
            write_text(path, secrets.token_hex(6))
        run_id = path.read_text(encoding="utf-8")
        numbers = [int(each.stem.rpartition("-")[2]) for each in self.path.glob(f"{run_id}-*.ids")]
        return f"{run_id}-{max(numbers, default=-1) + 1:05d}"

    def write(self, record: BatchRecord) -> BatchRecord:
        """Write a record, whole or not at all."""
        write_text(self.path / f"{record.name}.json", orjson.dumps(asdict(record)).decode() + "\n")
        return record

    def write_if_new(self, known: BatchRecord, record: BatchRecord) -> BatchRecord:
        """Write a record unless it is as the one that is known to be on disk."""
        return record if record == known else self.write(record)

    def begin(self, record: BatchRecord, ids: Iterable[str]) -> BatchRecord:
        """Write the record of a batch that is about to be uploaded."""
        write_text(self.ids_path(record.name), "".join(f"{each}\n" for each in ids))
        return self.write(record)

    def collected(self, record: BatchRecord, failures: dict[str, Failure], *, forgiven: bool = False) -> BatchRecord:
        """Note that the answers of a batch are in the cache, and which requests have none.

        `forgiven`: the failures that are not final count for nothing when the requests are sent again.
        """
        final = {request_id: failure for request_id, failure in failures.items() if failure.final}
        if forgiven:
            self._write_failures(self._failures_path(record.name, forgiven=True), failures)
        self._write_failures(self._failures_path(record.name), final if forgiven else failures)
        return self.write(replace(record, stage="collected"))

    def refused(self, record: BatchRecord) -> BatchRecord:
        """Note that the service did not accept a batch's file: nothing was answered, and nothing is in flight."""
        return self.write(replace(record, stage="refused", files=(record.file_id,) if record.file_id else ()))

    def ids(self, name: str) -> list[str]:
        """Return the ids of a batch's requests."""
        return self.ids_path(name).read_text(encoding="utf-8").split()

    def failures(self, name: str, *, forgiven: bool = False) -> dict[str, Failure]:
        """Return the requests of a collected batch that have no answer; with `forgiven`, those that were forgiven."""
        try:
            stored = orjson.loads(self._failures_path(name, forgiven=forgiven).read_bytes())
        except FileNotFoundError:
            return {}
        return {request_id: Failure(**failure) for request_id, failure in stored.items()}

    def answered_ids(self, record: BatchRecord) -> set[str]:
        """Return the ids of a collected batch's requests that were answered, whatever was forgiven."""
        unanswered = self.failures(record.name) | self.failures(record.name, forgiven=True)
        return set(self.ids(record.name)) - unanswered.keys()

    def forgive(self) -> None:
        """Forget which requests have failed, so that they are sent again as if for the first time."""
        for record in self.records():
            failed = self.failures(record.name)
            if failed:
                both = self.failures(record.name, forgiven=True) | failed
                self._write_failures(self._failures_path(record.name, forgiven=True), both)
                self._failures_path(record.name).unlink()

    def input_path(self, name: str) -> Path:
        return self.path / f"{name}.jsonl"

    def ids_path(self, name: str) -> Path:
        return self.path / f"{name}.ids"

    @staticmethod
    def _write_failures(path: Path, failures: dict[str, Failure]) -> None:
        stored = {request_id: asdict(failure) for request_id, failure in failures.items()}
        write_text(path, orjson.dumps(stored).decode() + "\n")

    def _failures_path(self, name: str, *, forgiven: bool = False) -> Path:
        return self.path / f"{name}.{'forgiven' if forgiven else 'failed'}.json"

    def drop_unrecorded(self) -> None:
        """Remove the files of batches that were killed before their record was written: nothing was sent."""
        for path in self.path.glob("*"):
            name = path.name.partition(".")[0]
            if path.suffix in (".jsonl", ".ids", ".tmp") and not (self.path / f"{name}.json").is_file():
                path.unlink()


def _read(path: Path) -> BatchRecord:
    try:
        stored = orjson.loads(path.read_bytes())
        return BatchRecord(**stored | {"files": tuple(stored["files"])})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ExternalError(
            f"{path} is damaged ({error}); it records a batch that is paid for: restore it, or look at the service for "
            f"the batch labelled {path.stem} before you remove the file"
        ) from error


def lend_records(folder: Path, to: Path) -> None:
    """Copy what is known of a run's collected batches to another run, which is lent their answers."""
    source, target = BatchFolder(folder), BatchFolder(to)
    for record in source.records():
        if record.stage == "collected" and not target.ids_path(record.name).is_file():
            failures = source.failures(record.name) | source.failures(record.name, forgiven=True)
            target.collected(target.begin(record, source.ids(record.name)), failures, forgiven=True)
