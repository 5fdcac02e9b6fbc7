"""Bring a batch to the service: upload its file, and create the batch once."""

from __future__ import annotations

import time
from dataclasses import replace

from infogap.console import detail, say
from infogap.errors import ExternalError
from infogap.generate.batch_file import BatchFile
from infogap.generate.batch_records import BatchFolder, BatchRecord
from infogap.recipe.teacher_section import AnyTeacher
from infogap.teachers.batch_service import BatchService, BatchState, NoAnswerError

FIRST_WAIT = 5.0  # seconds before another attempt to create a batch; doubles with every further one
_LONGEST_WAIT = 60.0
_CLOCKS_DIFFER = 86_400.0  # seconds, at most, between this machine's clock and the service's


def record_batch(
    folder: BatchFolder, name: str, teacher: str, settings: AnyTeacher, file: BatchFile, server: str
) -> BatchRecord:
    """Write the record of a batch whose file is written, before anything is sent."""
    record = BatchRecord(
        name=name,
        teacher=teacher,
        backend=settings.backend,
        server=server,
        settings=settings.model_dump(mode="json"),
        sha256=file.sha256,
        requests=len(file.ids),
        most_tokens=file.most_tokens,
        written_at=time.time(),
    )
    return folder.begin(record, file.ids)


def send(folder: BatchFolder, record: BatchRecord, service: BatchService, *, resumed: bool) -> BatchRecord:
    """Upload a batch's file and create the batch, noting every step; return its record.

    `resumed`: an earlier process may have come further than its record says, so what is at the service counts.
    """
    since = record.written_at - _CLOCKS_DIFFER
    if record.file_id is None:
        name = f"infogap-{record.name}.jsonl"
        file_id = service.find_file(name, since) if resumed else None
        if file_id is None:
            file_id = service.upload(folder.input_path(record.name), name)
        record = folder.write(replace(record, file_id=file_id))
    found = _find(folder, record, service, since) if resumed else None
    if found is None:
        found = _create(folder, record, service, since)
    record = folder.write(seen(replace(record, batch_id=found.batch_id, submitted_at=found.created_at), found))
    say(f"batch {record.batch_id}: {record.requests:,} requests submitted")
    return record


def seen(record: BatchRecord, state: BatchState) -> BatchRecord:
    """Return a record with a batch's state as the service has just described it."""
    return replace(
        record,
        status=state.status,
        completed=state.completed if state.completed is not None else record.completed,
        failed=state.failed if state.failed is not None else record.failed,
        submitted_at=record.submitted_at or state.created_at or record.written_at,
    )


def _create(folder: BatchFolder, record: BatchRecord, service: BatchService, since: float) -> BatchState:
    """Create the batch; after an attempt that may have succeeded, look for it before the next one."""
    assert record.file_id is not None
    wait = FIRST_WAIT
    for left in reversed(range(service.attempts)):
        try:
            return service.create(record.file_id, record.labels)
        except NoAnswerError as error:
            if not left:
                raise
            detail(f"batch {record.name}: {error}; another attempt in {wait:g} s")
            time.sleep(wait)
            wait = min(2 * wait, _LONGEST_WAIT)
            found = None if error.refused else _find(folder, record, service, since)
        if found is not None:
            return found
    raise AssertionError("the last attempt returns or raises")


def _find(folder: BatchFolder, record: BatchRecord, service: BatchService, since: float) -> BatchState | None:
    """Look for the batch at the service. Raises ExternalError if the service cannot tell: sending could pay twice."""
    assert record.file_id is not None
    try:
        return service.find(record.file_id, record.labels, since)
    except NoAnswerError:
        raise
    except ExternalError as error:
        path = folder.path / f"{record.name}.json"
        raise ExternalError(
            f"{error}, so it is not known whether a batch of the file {record.file_id} was created; look at the "
            f"provider's page: if there is one, write its id as `batch_id` into {path}, otherwise remove this file; "
            "then run again"
        ) from error
