"""The file of a batch while requests are added to it."""

from __future__ import annotations

import hashlib
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from infogap.atomic_files import whole_file


class BatchFile:
    """A file of requests, one line each; it is at its path, whole, when the block ends without an error."""

    def __init__(self, path: Path, most_requests: int, most_bytes: int) -> None:
        self.path = path
        self.ids: list[str] = []
        self.most_tokens = 0  # that all its requests can cost
        self._most_requests, self._most_bytes = most_requests, most_bytes
        self._size = 0
        self._hash = hashlib.sha256()
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        temporary = self._stack.enter_context(whole_file(self.path))
        self._file = self._stack.enter_context(temporary.open("wb"))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def has_room_for(self, line: bytes) -> bool:
        """Return True if a line fits. One that is too long for any file is alone in its own: the service refuses it."""
        fits = len(self.ids) < self._most_requests and self._size + len(line) + 1 <= self._most_bytes
        return fits or not self.ids

    def add(self, request_id: str, line: bytes, most_tokens: int) -> None:
        """Add the line of a request that can cost so many tokens."""
        line += b"\n"
        self._file.write(line)
        self._hash.update(line)
        self._size += len(line)
        self.ids.append(request_id)
        self.most_tokens += most_tokens
