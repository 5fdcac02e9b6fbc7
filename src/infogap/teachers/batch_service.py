"""The interface of a service that answers whole files of requests, hours later: a batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from infogap.errors import ExternalError
from infogap.teachers.base import Completion, Request

TEMPLATE_TOKENS = 256  # that a chat template adds to a prompt, at most


class NoAnswerError(ExternalError):
    """The service did not answer, or failed, in every attempt; a later call may succeed.

    `refused` is True if it certainly did nothing, as after status 429.
    """

    def __init__(self, message: str, *, refused: bool = False) -> None:
        super().__init__(message)
        self.refused = refused


class NoSuchBatchError(ExternalError):
    """The service does not know a batch, or not with this key."""


class SendAgainError(Exception):
    """A line of a batch has no answer, and sending its request again may give one."""


@dataclass(frozen=True)
class BatchState:
    """A batch as its service describes it. The counts are those of requests; None if the service gives none."""

    batch_id: str
    status: str  # the service's word
    ended: bool = False
    refused: str | None = None  # why the service did not take the file: nothing was answered
    queue_full: bool = False  # it was refused because too much is in flight
    cancelled: bool = False
    total: int | None = None
    completed: int | None = None
    failed: int | None = None
    output_file: str | None = None
    error_file: str | None = None
    created_at: float | None = None  # as time.time()


class BatchService(Protocol):
    """Takes files of requests, one JSON line each, and gives files of answers.

    Every method but the first three talks to the service. They raise NoAnswerError, or another ExternalError or
    InputError if calling again cannot help.
    """

    server: str  # its URL
    most_requests: int  # in a batch
    most_bytes: int  # in its file
    attempts: int  # how often a request may be sent before it counts as failed

    def line(self, request: Request) -> bytes:
        """Return the line of a request, without a line break. It holds the request's id."""
        raise NotImplementedError

    def request_in(self, line: bytes) -> Request:
        """Read the request back from its line."""
        raise NotImplementedError

    def id_in(self, answer: bytes) -> str | None:
        """Return the request's id in a line of an answer's file; None if the line is unreadable."""
        raise NotImplementedError

    def read(self, request: Request, answer: bytes) -> Completion:
        """Read the answer to a request from its line. Raises SendAgainError."""
        raise NotImplementedError

    def upload(self, file: Path, name: str) -> str:
        """Upload a file under a name; return the service's id of it."""
        raise NotImplementedError

    def find_file(self, name: str, since: float) -> str | None:
        """Return the id of a file of this name, uploaded after `since` (as time.time()).

        None if there is none, or the service does not list its files: uploading it once more costs nothing.
        """
        raise NotImplementedError

    def create(self, file_id: str, labels: Mapping[str, str]) -> BatchState:
        """Create a batch of an uploaded file, in a single attempt: only `find` tells whether a failed one did."""
        raise NotImplementedError

    def find(self, file_id: str, labels: Mapping[str, str], since: float) -> BatchState | None:
        """Return the batch of a file, or with these labels, that was created after `since` (as time.time()).

        Raises ExternalError if the service does not list its batches.
        """
        raise NotImplementedError

    def state(self, batch_id: str) -> BatchState:
        """Return a batch as it is now. Raises NoSuchBatchError."""
        raise NotImplementedError

    def download(self, file_id: str, to: Path) -> bool:
        """Write a file of the service to `to`, whole or not at all; return False if the service has it no longer."""
        raise NotImplementedError

    def delete(self, file_id: str) -> None:
        """Delete a file at the service; one that is gone is no error."""
        raise NotImplementedError


def most_tokens(request: Request, longest_answer: int) -> int:
    """Return the most tokens that a request can cost: a text of n bytes has at most n tokens."""
    size = sum(len(message["content"].encode()) for message in request.messages)
    return size + TEMPLATE_TOKENS + longest_answer
