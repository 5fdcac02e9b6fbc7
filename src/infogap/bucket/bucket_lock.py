"""The lock of a run in a bucket: an object that one working copy creates, renews while it writes, and deletes.

It is created by a conditional write (If-None-Match), renewed by one (If-Match), so that of two writers one fails. A
machine that is lost stops renewing it; after `LEASE` seconds another may take it over. Both times are the server's.
"""

from __future__ import annotations

import os
import socket
import threading
from contextlib import suppress
from datetime import datetime
from uuid import uuid4

import orjson

from infogap.bucket.object_store import ChangedMeanwhileError, ObjectStore
from infogap.errors import ExternalError

NAME = ".infogap.lock"
PROBE = ".infogap.clock"  # objects that are written and deleted to read the server's clock
LEASE = 180.0  # seconds without a renewal after which a lock may be taken over
RENEWAL = 30.0  # seconds between renewals


class LostLockError(ExternalError):
    """Another machine has taken the lock over."""


class BucketLock:
    """The lock of one address, for the working copy with an id of its own."""

    def __init__(self, store: ObjectStore, copy: str) -> None:
        self._store = store
        self._copy = copy
        self._tag = ""
        self._ahead = False
        self._one_at_a_time = threading.Lock()

    def is_ahead(self) -> bool:
        """Whether this working copy holds the lock and had fetched all: it alone has written to the bucket since.

        True after this machine was interrupted, if nobody took over.
        """
        holder = self._holder()
        return holder.get("copy") == self._copy and holder.get("ahead") == "True"

    def go_ahead(self) -> None:
        """Note that this copy has fetched what the bucket has. Raises LostLockError."""
        self._ahead = True
        self.renew()

    def acquire(self) -> None:
        """Take the lock; one that this copy or a lost machine left behind is taken over.

        One that this copy left behind stays ahead if it was.

        Raises ExternalError if another machine holds it.
        """
        self._ahead = self.is_ahead()
        try:
            self._tag = self._store.create(NAME, self._content())
        except ChangedMeanwhileError:
            self._take_over()
        if not self._is_ours():
            raise ExternalError(
                f"{self._store.address}: the server does not do conditional writes (If-None-Match), which a lock needs"
            )

    def renew(self) -> None:
        """Say that this copy still writes. Raises LostLockError if another machine has taken the lock over."""
        with self._one_at_a_time:
            try:
                self._tag = self._store.replace(NAME, self._content(), self._tag)
            except (ChangedMeanwhileError, FileNotFoundError):
                raise LostLockError(
                    f"{self._store.address} has been taken over by {self._who(self._holder())}: this machine was not "
                    "heard of for too long; what it has not uploaded is in its working copy"
                ) from None

    def release(self) -> None:
        """Give the lock up."""
        with self._one_at_a_time:
            if self._is_ours():
                self._store.delete([NAME])

    def _is_ours(self) -> bool:
        return self._holder().get("copy") == self._copy

    def _take_over(self) -> None:
        """Replace another lock, if it is this copy's or its machine has not been heard of. Raises ExternalError."""
        there = self._store.about(NAME)
        if there is None:  # released meanwhile
            return self._retry()
        holder = self._holder()
        silent = 0.0
        if holder.get("copy") != self._copy:
            silent = (self._now() - there.changed).total_seconds()
            if silent < LEASE:
                raise self._refusal(holder, silent)
        try:
            self._tag = self._store.replace(NAME, self._content(), there.tag)
        except ChangedMeanwhileError:
            raise self._refusal(self._holder(), 0.0) from None
        return None

    def _retry(self) -> None:
        try:
            self._tag = self._store.create(NAME, self._content())
        except ChangedMeanwhileError:
            raise self._refusal(self._holder(), 0.0) from None

    def _refusal(self, holder: dict[str, str], silent: float) -> ExternalError:
        return ExternalError(
            f"{self._store.address} is being written by {self._who(holder)}, last heard of {silent:.0f} s ago; wait "
            f"for it, or name another place with --run; a lost machine's lock ends after {LEASE:g} s"
        )

    def _now(self) -> datetime:
        """Return the time by the server's clock: this machine's may be wrong."""
        name = f"{PROBE}-{uuid4().hex}"
        self._store.create(name, b"")
        probe = self._store.about(name)
        self._store.delete([name])
        if probe is None:
            raise ExternalError(f"{self._store.address}: the server does not return what was just written")
        return probe.changed

    def _content(self) -> bytes:
        # With something new each time: a tag can be a digest of the content, and must change with every renewal.
        about = {"host": socket.gethostname(), "process": str(os.getpid()), "renewal": uuid4().hex}
        return orjson.dumps({"copy": self._copy, "ahead": str(self._ahead), **about})

    def _holder(self) -> dict[str, str]:
        with suppress(ValueError):
            read = orjson.loads(self._store.read(NAME) or b"{}")
            if isinstance(read, dict):
                return {str(key): str(value) for key, value in read.items()}
        return {}

    @staticmethod
    def _who(holder: dict[str, str]) -> str:
        if "host" not in holder:
            return "another infogap process"
        return f"infogap on {holder['host']} (pid {holder.get('process')})"
