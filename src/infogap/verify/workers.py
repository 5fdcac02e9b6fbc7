"""Worker processes in which a function is bounded: an item that hangs or kills its process costs only itself.

The parent keeps the time. Every worker notes in shared memory which item it has begun and when; one that is over the
limit is killed, with whatever it has started, and replaced. Its item is lost, the others that it held go to other
workers. No signal handler, no thread: neither is reached while a big number is computed.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import islice, takewhile
from multiprocessing.connection import Connection, wait
from typing import Any, Literal

from infogap.cores import usable_cores
from infogap.errors import UserError, WorldError

START_LIMIT = 120.0  # seconds that a worker's imports may take: a cold disk, a large library
_AHEAD = 4_096  # items whose results may wait for an earlier one's: work for the others while one worker hangs
_AT_A_TIME = 256  # items taken from the source before the workers are looked after again
_LARGEST_BATCH = 256
_QUICK, _SLOW = 0.02, 0.1  # seconds that a batch takes: below, the next one is larger; above, smaller
_REPORT = 0.05  # seconds of finished work that a kill may undo
_DEATHS = 5  # workers in a row that die without having begun anything
_GRACE = 5  # seconds after which a worker ends by itself where its parent did not come to do it


@dataclass(frozen=True)
class Given:
    """A result among the items, which needs no worker."""

    value: Any


@dataclass(frozen=True)
class Lost:
    """An item without a result: it took too long, or its process came to an end."""

    why: Literal["time", "death"]
    exit_code: int | None = None


def bounded(
    function: Callable[[Any], Any],
    items: Iterable[Any],
    *,
    limit: float,
    workers: int | None = None,
    start: Callable[[], None] | None = None,
    preload: Iterable[str] = (),
) -> Generator[Any, None, None]:
    """`function` of every item, in the items' order; `Lost` where that took over `limit` seconds or ended the process.

    Items that are `Given` come out as their value. `function`, `start` (called once in every worker) and the items are
    pickled; `preload` are modules that workers find loaded where the system allows. An exception of `function` ends
    the worker: it should let none out. Raises WorldError where workers do not start.
    """
    pool = _Pool(function, limit, workers or usable_cores(), start, tuple(preload))
    try:
        yield from pool.results(iter(items))
    finally:
        pool.close()


@dataclass
class _Slot:
    """An item, and its result when it is there."""

    item: Any
    done: bool = False
    value: Any = None
    again: bool = False  # it was done, and its result was lost with its worker


@dataclass
class _Worker:
    """A process, the items that it holds (the first ones may be done), and what it notes of them."""

    process: Any
    connection: Connection
    clock: Any  # shared: when the item at work was begun, how many of the batch were
    since: float  # when it was started, or got its batch
    ready: bool = False
    batch: deque[_Slot] = field(default_factory=deque)
    received: int = 0  # results of the batch
    size: int = 16  # items in the next batch

    def due(self, limit: float) -> float:
        """When it is over its time."""
        if not self.ready:
            return self.since + START_LIMIT
        return max(self.since, self.clock[0]) + limit if self.batch else float("inf")


class _Pool:
    def __init__(
        self,
        function: Callable[[Any], Any],
        limit: float,
        workers: int,
        start: Callable[[], None] | None,
        preload: tuple[str, ...],
    ) -> None:
        # Not fork: Polars' threads are running. The fork server holds modules ready, so that a new worker is cheap.
        method = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
        self._context: Any = multiprocessing.get_context(method)
        if method == "forkserver":
            self._context.set_forkserver_preload(list(preload))
        self._serve = partial(_serve, function, start, limit)
        self._limit = limit
        self._size = workers
        self._workers: list[_Worker] = []
        self._waiting: deque[_Slot] = deque()
        self._deaths = 0

    def results(self, items: Iterable[Any]) -> Generator[Any, None, None]:
        remaining, more = iter(items), True
        slots: deque[_Slot] = deque()
        while more or slots:
            taken = list(islice(remaining, min(_AT_A_TIME, _AHEAD - len(slots)))) if more else []
            more = more and (bool(taken) or len(slots) >= _AHEAD)
            for item in taken:
                slot = _Slot(None, True, item.value) if isinstance(item, Given) else _Slot(item)
                slots.append(slot)
                if not slot.done:
                    self._waiting.append(slot)
            self._send()
            while slots and slots[0].done:
                yield slots.popleft().value
            if slots:
                self._look_after(patient=not taken)

    def close(self) -> None:
        for worker in self._workers:
            _end(worker)
        self._workers = []

    def _send(self) -> None:
        """Give idle workers work, and start workers while there is work for them."""
        for worker in self._workers:
            if self._waiting and worker.ready and not worker.batch:
                fair = -(-len(self._waiting) // (2 * self._size))
                again = sum(1 for _ in takewhile(lambda slot: slot.again, self._waiting))  # not with what may hang
                count = again or min(fair, worker.size, len(self._waiting))
                worker.batch.extend(self._waiting.popleft() for _ in range(count))
                worker.clock[0], worker.clock[1], worker.received = 0.0, 0.0, 0
                worker.since = time.monotonic()
                with suppress(OSError):  # it has died: seen when it is looked after
                    worker.connection.send([slot.item for slot in worker.batch])
        starting = sum(not worker.ready for worker in self._workers)
        while len(self._workers) < self._size and len(self._waiting) > starting:
            self._workers.append(self._started())
            starting += 1

    def _started(self) -> _Worker:
        clock = self._context.RawArray("d", 2)
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=self._serve, args=(theirs, clock), daemon=True)
        process.start()
        theirs.close()  # so that its death is the connection's end
        return _Worker(process, ours, clock, time.monotonic())

    def _look_after(self, *, patient: bool) -> None:
        """Take what workers report, replace those that died or are over their time; where `patient`, wait for it."""
        due = min((worker.due(self._limit) for worker in self._workers), default=time.monotonic())
        pause = max(0.0, due - time.monotonic()) + 0.001 if patient else 0.0
        reporting = wait([worker.connection for worker in self._workers], min(pause, 60.0))
        now = time.monotonic()
        for worker in list(self._workers):
            if worker.connection in reporting and not self._received(worker):
                self._bury(worker, "death")
            elif worker.due(self._limit) <= now:
                self._bury(worker, "time")

    def _received(self, worker: _Worker) -> bool:
        """Take one report; False where the worker has died."""
        try:
            report = worker.connection.recv()
        except (EOFError, OSError):
            return False
        if isinstance(report, _Failure):
            raise WorldError(f"the processes that grade answers do not start: {report.reason}")
        if not worker.ready:
            worker.ready = True
            return True
        self._deaths = 0
        for value in report:
            slot = worker.batch.popleft()
            slot.value, slot.done = value, True
        worker.received += len(report)
        if not worker.batch:
            seconds = time.monotonic() - worker.since
            larger = seconds < _QUICK and worker.received == worker.size
            worker.size = min(worker.size * 2, _LARGEST_BATCH) if larger else worker.size
            worker.size = max(worker.size // 2, 1) if seconds > _SLOW else worker.size
        return True

    def _bury(self, worker: _Worker, why: Literal["time", "death"]) -> None:
        """End a worker: the item that it had begun is lost, the others wait again."""
        now = time.monotonic()
        _end(worker)
        with suppress(EOFError, OSError):  # what it still had to say
            while worker.connection.poll() and self._received(worker):
                pass
        worker.connection.close()
        self._workers.remove(worker)
        if why == "time" and not worker.ready:
            raise WorldError(f"a process that grades answers is not ready after {START_LIMIT:g} s")
        at_work = int(worker.clock[1]) - worker.received - 1
        began = worker.ready and 0 <= at_work < len(worker.batch)
        if began and (why == "death" or now - worker.clock[0] >= self._limit):
            for slot in islice(worker.batch, at_work):
                slot.again = True
            slot = worker.batch[at_work]
            slot.value, slot.done = Lost(why, worker.process.exitcode if why == "death" else None), True
            self._deaths = 0
        elif not began:
            self._deaths += 1
            if self._deaths >= _DEATHS:
                raise WorldError(f"the processes that grade answers keep dying (exit code {worker.process.exitcode})")
        self._waiting.extendleft(slot for slot in reversed(worker.batch) if not slot.done)


def _end(worker: _Worker) -> None:
    """Kill a worker and the processes that it has started."""
    pid = worker.process.pid
    if hasattr(os, "killpg"):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
    worker.process.kill()
    worker.process.join(_GRACE)


# In the worker


@dataclass(frozen=True)
class _Failure:
    reason: str


def _serve(
    function: Callable[[Any], Any],
    start: Callable[[], None] | None,
    limit: float,
    connection: Connection,
    clock: Any,
) -> None:
    if hasattr(os, "setsid"):
        os.setsid()  # a group of its own, to be killed whole; and the terminal's Ctrl-C is the parent's affair
    _alarm(START_LIMIT)
    try:
        if start:
            start()
    except Exception as error:
        told = isinstance(error, UserError)  # its text is a sentence already
        connection.send(_Failure(str(error) if told else f"{type(error).__name__}: {error}"))
        return
    _alarm(None)
    connection.send(None)
    while True:
        try:
            items = connection.recv()
        except EOFError:  # the parent is gone
            return
        _work(function, items, limit, connection, clock)


def _work(function: Callable[[Any], Any], items: list[Any], limit: float, connection: Connection, clock: Any) -> None:
    """Send the results of a batch, now and then, in order."""
    done, reported = [], time.monotonic()
    for index, item in enumerate(items, 1):
        clock[0], clock[1] = time.monotonic(), index
        _alarm(limit)
        done.append(function(item))
        if time.monotonic() - reported > _REPORT or index == len(items):
            _alarm(None)
            connection.send(done)
            done, reported = [], time.monotonic()


def _alarm(seconds: float | None) -> None:
    """Let the system end this process some time after its limit: a killed parent cannot. None: not any more."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, 0 if seconds is None else seconds + _GRACE)
