"""Collect a batch that has ended: download its answers, put them into the cache of the traces, and clean up.

Every step can be repeated after a kill. The cache's files are named by what they hold, and the files at the service are
deleted last, once the answers are on disk.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from infogap.console import detail, say
from infogap.errors import ExternalError
from infogap.generate.answer_rows import answer_of
from infogap.generate.batch_records import BatchFolder, BatchRecord, Failure
from infogap.generate.trace_cache import keep_rows
from infogap.generate.trace_files import Row
from infogap.runs.run_folder import ROWS_PER_PART
from infogap.teachers.base import Completion, FailureReason
from infogap.teachers.batch_service import BatchService, BatchState, SendAgainError

_OUTPUTS = ("output", "errors")


@dataclass
class Collected:
    """What a batch gave."""

    answered: int = 0
    lines: int = 0  # of its answers' file, that belong to its requests
    prompt_tokens: int = 0
    completion_tokens: int = 0
    tags: Counter[str] = field(default_factory=Counter)  # that split thoughts from responses
    failures: dict[str, Failure] = field(default_factory=dict)


@dataclass
class _Oddities:
    """What should not be in the files of a batch, or is missing."""

    unknown: int = 0  # lines of no request of the batch
    repeated: int = 0  # further lines of a request
    lost: int = 0  # requests that were answered in a file that the service no longer has

    def __bool__(self) -> bool:
        return bool(self.unknown or self.repeated or self.lost)

    def in_words(self) -> str:
        parts = [
            (self.unknown, "lines that belong to none of its requests"),
            (self.repeated, "further lines of a request that has one, the first of which counts"),
            (self.lost, "requests whose answers the provider no longer has"),
        ]
        return ", ".join(f"{count:,} {what}" for count, what in parts if count)


def collect(
    folder: BatchFolder,
    traces: Path,
    record: BatchRecord,
    state: BatchState,
    service: BatchService,
    reader: BatchService,
) -> Collected:
    """Collect an ended batch into the cache of the folder `traces`; `reader` reads its answers as they were asked for.

    A request without an answer is a failure, which may be final. If the files at the service are not what they should
    be, they are kept there.
    """
    has_output = _download(folder, record, "output", state.output_file, service)
    _download(folder, record, "errors", state.error_file, service)  # without it, its requests have no line
    collected, oddities = Collected(), _Oddities()
    rows: list[Row] = []
    for row in _rows(folder, record, reader, collected, oddities):
        rows.append(row)
        if len(rows) == ROWS_PER_PART:
            keep_rows(traces, rows)
            rows = []
    keep_rows(traces, rows)
    _without_lines(state, collected, oddities, lost=not has_output or _is_short(state, collected))
    files = tuple(each for each in (record.file_id, state.output_file, state.error_file) if each)
    kept = f"{oddities.in_words()}; its files stay at the provider: {', '.join(files)}" if oddities else None
    record = replace(record, oddities=kept, files=() if oddities else files)
    record = folder.collected(record, collected.failures, forgiven=state.cancelled)
    clean_up(folder, record, service)
    failed = f", {len(collected.failures):,} without an answer" if collected.failures else ""
    say(f"batch {record.batch_id}: {state.status}, {collected.answered:,} answers collected{failed}")
    return collected


def clean_up(folder: BatchFolder, record: BatchRecord, service: BatchService) -> None:
    """Delete the files of a batch that are not needed any more: at the service, then here."""
    for file_id in record.files:
        try:
            service.delete(file_id)
        except ExternalError as error:  # it stays there: a nuisance, and no reason to stop
            detail(f"{file_id} is not deleted at the provider: {error}")
    for path in (folder.input_path(record.name), *(_output_path(folder, record, kind) for kind in _OUTPUTS)):
        path.unlink(missing_ok=True)
    folder.write(replace(record, files=()))


def _download(folder: BatchFolder, record: BatchRecord, kind: str, file_id: str | None, service: BatchService) -> bool:
    """Download one of a batch's files, unless it is here; return False if the service has it no longer."""
    path = _output_path(folder, record, kind)
    return file_id is None or path.is_file() or service.download(file_id, path)


def _output_path(folder: BatchFolder, record: BatchRecord, kind: str) -> Path:
    return folder.path / f"{record.name}.{kind}.jsonl"


def _rows(
    folder: BatchFolder, record: BatchRecord, reader: BatchService, collected: Collected, oddities: _Oddities
) -> Iterator[Row]:
    """Yield the answers' rows, and note the failures; an answer counts for more than an error of the same request."""
    answered = set[str]()
    with ExitStack() as stack:
        requests = stack.enter_context(folder.input_path(record.name).open("rb"))
        places = dict(zip(folder.ids(record.name), _starts(requests), strict=True))
        for kind, line in _lines(folder, record):
            request_id = reader.id_in(line)
            if request_id is None or request_id not in places:
                oddities.unknown += 1
                continue
            if request_id in answered:
                oddities.repeated += 1
                continue
            collected.lines += kind == "output"
            requests.seek(places[request_id])
            request = reader.request_in(requests.readline())
            try:
                completion = reader.read(request, line)
            except SendAgainError as error:
                collected.failures.setdefault(request_id, Failure("error", str(error), final=False))
                continue
            if completion.error is not None:
                failure = Failure(_reason(completion), completion.error, final=True)
                if request_id not in collected.failures or not collected.failures[request_id].final:
                    collected.failures[request_id] = failure
                continue
            answered.add(request_id)
            collected.failures.pop(request_id, None)
            collected.answered += 1
            collected.prompt_tokens += completion.prompt_tokens or 0
            collected.completion_tokens += completion.completion_tokens or 0
            collected.tags.update(completion.tags)
            yield {"trace_id": request_id} | answer_of(record.teacher, completion)
    for request_id in places:
        if request_id not in answered and request_id not in collected.failures:
            collected.failures[request_id] = Failure("error", "", final=False)


def _reason(completion: Completion) -> FailureReason:
    """Return why a completion has no answer."""
    match completion.finish_reason:
        case "filtered" | "too_long" as reason:
            return reason
        case _:
            return "error"


def _starts(file: BinaryIO) -> Iterator[int]:
    """Yield the place of each line of a file."""
    start = 0
    for line in file:
        yield start
        start += len(line)


def _lines(folder: BatchFolder, record: BatchRecord) -> Iterator[tuple[str, bytes]]:
    """Yield the lines of a batch's answers, then those of its errors, each with its file's kind."""
    for kind in _OUTPUTS:
        path = _output_path(folder, record, kind)
        if path.is_file():
            with path.open("rb") as file:
                yield from ((kind, line) for line in file if line.strip())


def _is_short(state: BatchState, collected: Collected) -> bool:
    """Return True if the service counts more answers than its file has lines, or names no file that could hold them."""
    return state.completed is not None and state.completed > collected.lines


def _without_lines(state: BatchState, collected: Collected, oddities: _Oddities, *, lost: bool) -> None:
    """Say why requests have no line; where answers were lost, another request would be paid twice, and is not sent."""
    why = f"the batch ended ({state.status}) without a line for it"
    missing = [request_id for request_id, failure in collected.failures.items() if not failure.message]
    if lost:
        why = "answered in a batch whose file the provider no longer has"
        oddities.lost = len(missing)
    for request_id in missing:
        collected.failures[request_id] = Failure("error", why, final=lost)
