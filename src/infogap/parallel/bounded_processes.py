"""Apply a function in worker processes with limits: an item that hangs or kills its process loses only its result.

An item has a limit in processor seconds, so that losses do not depend on the machine's load, and a much later deadline
by the clock, for code that only waits. The system enforces the limit: a timer of the process, whose signal ends it. The
parent enforces the deadline: every worker records in shared memory which item it has begun and when. A worker that
exceeds either is killed, with all processes that it has started, and replaced. Its item is lost; the others that it
held go to other workers. There is no signal handler and no thread: neither runs while Python computes a big number.

Ours rather than pebble's pool: that limits an item by the clock alone, and sends items one by one, which takes over ten
times as long for short ones (5,000 squares: 1.8 s, here 0.15 s), or in chunks, which one item's timeout loses.
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

from infogap.errors import ExternalError, InputError
from infogap.parallel import leave_stdout_alone, usable_cores

START_LIMIT = 120.0  # seconds that a worker's imports may take: a cold disk, a large library
_AHEAD = 4_096  # items whose results may wait for an earlier one's: work for the others while one worker hangs
_AT_A_TIME = 256  # items read before the workers are supervised again
_LARGEST_BATCH = 256
_QUICK, _SLOW = 0.02, 0.1  # seconds that a batch takes: below, the next one is larger; above, smaller
_REPORT = 0.05  # seconds of finished work that a kill may undo
_PATIENCE = 6.0  # seconds by the clock for each processor second, by default
_DEATHS = 5  # consecutive workers that die without having begun an item
_GRACE = 5  # seconds after which a worker ends by itself if its parent has not ended it
# The signal to a process that has used up its processor time; 0 where the system has no such timers.
_OUT_OF_TIME = int(getattr(signal, "SIGPROF", 0))


@dataclass(frozen=True)
class Given:
    """A result among the items: it needs no worker."""

    value: Any


@dataclass(frozen=True)
class Lost:
    """An item without a result: it exceeded its limit or its deadline, or its process died."""

    why: Literal["time", "deadline", "death"]
    exit_code: int | None = None


def bounded(
    function: Callable[[Any], Any],
    items: Iterable[Any],
    *,
    limit: float,
    deadline: float | None = None,
    workers: int | None = None,
    start: Callable[[], None] | None = None,
    preload: Iterable[str] = (),
) -> Generator[Any, None, None]:
    """Yield `function(item)` of every item, in the items' order; `Lost` where it took too long or ended its process.

    `limit` is in processor seconds per item, `deadline` in seconds by the clock, by default six times the limit.
    `workers` is the number of processes, by default one a core. An item that is `Given` is yielded as its value.
    `function`, `start` (called once in every worker) and the items are pickled; `preload` names modules that workers
    find loaded where the system allows. `function` should not raise: an exception ends the worker. Raises ExternalError
    if workers do not start, and the InputError that `start` raises.
    """
    deadline = _PATIENCE * limit if deadline is None else deadline
    pool = _Pool(function, limit, deadline, workers or usable_cores(), start, tuple(preload))
    try:
        yield from pool.results(iter(items))
    finally:
        pool.close()


@dataclass
class _Slot:
    """An item, and its result when it is there."""

    number: int  # its place among the items
    item: Any
    done: bool = False
    value: Any = None
    again: bool = False  # it had been done, but its result was lost with its worker


@dataclass
class _Worker:
    """A process, the items that it holds (the first ones may be done), and its progress with them."""

    process: Any
    connection: Connection
    clock: Any  # shared: when the item at work was begun, how many of the batch were
    since: float  # when it was started, or got its batch
    ready: bool = False
    batch: deque[_Slot] = field(default_factory=deque)
    received: int = 0  # results of the batch
    size: int = 16  # items in the next batch

    def due(self, deadline: float) -> float:
        """When it exceeds its deadline, by time.monotonic()."""
        if not self.ready:
            return self.since + START_LIMIT
        return max(self.since, self.clock[0]) + deadline if self.batch else float("inf")


class _Pool:
    def __init__(
        self,
        function: Callable[[Any], Any],
        limit: float,
        deadline: float,
        workers: int,
        start: Callable[[], None] | None,
        preload: tuple[str, ...],
    ) -> None:
        # Not fork: Polars' threads are running. The fork server holds modules ready, so that a new worker is cheap.
        method = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
        self._context: Any = multiprocessing.get_context(method)
        if method == "forkserver":
            self._context.set_forkserver_preload(list(preload))
        self._serve = partial(_serve, function, start, limit, deadline)
        self._deadline = deadline
        self._size = workers
        self._workers: list[_Worker] = []
        self._waiting: deque[_Slot] = deque()
        self._deaths = 0

    def results(self, items: Iterable[Any]) -> Generator[Any, None, None]:
        remaining, more = iter(items), True
        slots: deque[_Slot] = deque()
        count = 0
        while more or slots:
            taken = list(islice(remaining, min(_AT_A_TIME, _AHEAD - len(slots)))) if more else []
            more = more and (bool(taken) or len(slots) >= _AHEAD)
            for item in taken:
                given = isinstance(item, Given)
                slot = _Slot(count, None, True, item.value) if given else _Slot(count, item)
                count += 1
                slots.append(slot)
                if not slot.done:
                    self._waiting.append(slot)
            self._send()
            while slots and slots[0].done:
                yield slots.popleft().value
            if slots:
                self._supervise(patient=not taken)

    def close(self) -> None:
        for worker in self._workers:
            end_process(worker.process)
        self._workers = []

    def _send(self) -> None:
        """Send work to idle workers, and start workers while there is work for them."""
        for worker in self._workers:
            if self._waiting and worker.ready and not worker.batch:
                fair = -(-len(self._waiting) // (2 * self._size))
                most = len(self._waiting) if self._waiting[0].again else min(fair, worker.size)
                # An item that was done and lost is repeated alone: beside one that may hang it could be lost again.
                alike = partial(_equally_new, self._waiting[0])
                count = sum(1 for _ in takewhile(alike, islice(self._waiting, most)))
                worker.batch.extend(self._waiting.popleft() for _ in range(count))
                worker.clock[0], worker.clock[1], worker.received = 0.0, 0.0, 0
                worker.since = time.monotonic()
                with suppress(OSError):  # it has died, which supervision will notice
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
        theirs.close()  # so that the connection ends when the process dies
        return _Worker(process, ours, clock, time.monotonic())

    def _supervise(self, *, patient: bool) -> None:
        """Take the workers' reports, and replace workers that died or exceed their deadline; if `patient`, wait."""
        due = min((worker.due(self._deadline) for worker in self._workers), default=time.monotonic())
        pause = max(0.0, due - time.monotonic()) + 0.001 if patient else 0.0
        reporting = wait([worker.connection for worker in self._workers], min(pause, 60.0))
        now = time.monotonic()
        for worker in list(self._workers):
            if worker.connection in reporting and not self._received(worker):
                self._bury(worker, "death")
            elif worker.due(self._deadline) <= now:
                self._bury(worker, "deadline")

    def _received(self, worker: _Worker) -> bool:
        """Take one report; False where the worker has died."""
        try:
            report = worker.connection.recv()
        except (EOFError, OSError):
            return False
        if isinstance(report, _Failure):
            if report.wrong_input:
                raise InputError(report.reason)
            raise ExternalError(f"worker processes do not start: {report.reason}")
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

    def _bury(self, worker: _Worker, why: Literal["deadline", "death"]) -> None:
        """Kill a worker: the item that it had begun is lost, the others wait again."""
        now = time.monotonic()
        end_process(worker.process)
        with suppress(EOFError, OSError):  # results that it still sent
            while worker.connection.poll() and self._received(worker):
                pass
        worker.connection.close()
        self._workers.remove(worker)
        if why == "deadline" and not worker.ready:
            raise ExternalError(f"a worker process is not ready after {START_LIMIT:g} s")
        at_work = int(worker.clock[1]) - worker.received - 1
        began = worker.ready and 0 <= at_work < len(worker.batch)
        if began and (why == "death" or now - worker.clock[0] >= self._deadline):
            for slot in islice(worker.batch, at_work):
                slot.again = True
            slot = worker.batch[at_work]
            slot.value, slot.done = _lost(why, worker.process.exitcode), True
            self._deaths = 0
        elif not began:
            self._deaths += 1
            if self._deaths >= _DEATHS:
                raise ExternalError(f"worker processes keep dying (exit code {worker.process.exitcode})")
        undone = (slot for slot in worker.batch if not slot.done)
        self._waiting = deque(sorted([*self._waiting, *undone], key=lambda slot: slot.number))


def _equally_new(first: _Slot, other: _Slot) -> bool:
    return first.again == other.again


def _lost(why: Literal["deadline", "death"], exit_code: int | None) -> Lost:
    if why == "deadline":
        return Lost("deadline")
    return Lost("time") if out_of_time(exit_code) else Lost("death", exit_code)


def end_process(process: Any) -> None:
    """Kill a worker process and those that it has started."""
    if hasattr(os, "killpg"):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.join(_GRACE)


def out_of_time(exit_code: int | None) -> bool:
    """Whether the system ended a process because its processor time was used up."""
    return bool(_OUT_OF_TIME) and exit_code == -_OUT_OF_TIME


# In the worker


@dataclass(frozen=True)
class _Failure:
    reason: str
    wrong_input: bool


def _serve(
    function: Callable[[Any], Any],
    start: Callable[[], None] | None,
    limit: float,
    deadline: float,
    connection: Connection,
    clock: Any,
) -> None:
    stand_apart()
    _alarm(START_LIMIT)
    try:
        if start:
            start()
    except Exception as error:
        wrong_input = isinstance(error, InputError)
        connection.send(_Failure(str(error) if wrong_input else f"{type(error).__name__}: {error}", wrong_input))
        return
    _alarm(None)
    connection.send(None)
    while True:
        try:
            items = connection.recv()
        except EOFError:  # the parent is gone
            return
        _work(function, items, limit, deadline, connection, clock)


def _work(
    function: Callable[[Any], Any],
    items: list[Any],
    limit: float,
    deadline: float,
    connection: Connection,
    clock: Any,
) -> None:
    """Work on a batch and send the results in order, several at a time."""
    done, reported = [], time.monotonic()
    for index, item in enumerate(items, 1):
        end_after(limit)  # before the item counts as begun: it must not get the rest of the last one's time
        _alarm(deadline)
        clock[0], clock[1] = time.monotonic(), index
        done.append(function(item))
        if time.monotonic() - reported > _REPORT or index == len(items):
            end_after(None)
            _alarm(None)
            connection.send(done)
            done, reported = [], time.monotonic()


def stand_apart() -> None:
    """Separate this process from its parent's terminal and output."""
    if hasattr(os, "setsid"):
        os.setsid()  # a group of its own, to be killed as a whole; the terminal's Ctrl-C goes to the parent alone
    leave_stdout_alone()


def end_after(seconds: float | None) -> None:
    """Have the system end this process after that many processor seconds; None cancels this."""
    if hasattr(signal, "ITIMER_PROF"):
        signal.setitimer(signal.ITIMER_PROF, seconds or 0)


def _alarm(seconds: float | None) -> None:
    """Have the system end this process some time after its deadline, as a killed parent cannot; None cancels this."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, 0 if seconds is None else seconds + _GRACE)
