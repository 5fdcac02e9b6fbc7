"""Apply a function in worker processes with limits: an item that hangs or kills its process loses only its result.

An item has a limit in processor seconds, so that losses do not depend on the machine's load, and a much later deadline
in real time, for code that only waits. The system enforces the limit, by a timer whose signal ends the process. The
parent enforces the deadline: every worker records in shared memory which item it has begun and when. A worker that
exceeds either is killed, with all processes that it has started, and replaced. Its item is lost; the others that it
held go to other workers. Signal handlers and threads would not work: neither runs while Python computes a big number.

Why not pebble's pool: it limits items in real time only. It sends items one by one, which takes over ten times as long
for short ones (5,000 squares: 1.8 s, here 0.15 s), or in chunks, all of which one item's timeout loses.
"""

from __future__ import annotations

import multiprocessing
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
from infogap.parallel import usable_cores
from infogap.parallel.process_limits import START_LIMIT, end_after, end_process, end_within, out_of_time, stand_apart
from infogap.parallel.ray_cluster import in_use
from infogap.parallel.unguarded_scripts import of_the_script, script_left_alone

_AHEAD = 4_096  # items read ahead of the next result: work for the other workers while one hangs
_AT_A_TIME = 256  # items read until the workers are supervised again
_LARGEST_BATCH = 256
_QUICK, _SLOW = 0.02, 0.1  # seconds: after a batch below the first the next is larger, above the second smaller
_REPORT = 0.05  # seconds of finished work that a kill can undo
_PATIENCE = 6.0  # default deadline: seconds of real time for each processor second of the limit
_UNGUARDED = '; a script whose own functions they run needs `if __name__ == "__main__":` around the rest'
_DEATHS = 5  # consecutive workers that die without having begun an item


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
    """Yield `function(item)` for every item, in the items' order; `Lost` if it took too long or ended its process.

    `limit` is in processor seconds per item; `deadline` is in seconds of real time, by default six times the limit.
    `workers` is the number of processes, by default one per core. For an item that is `Given`, its value is yielded.
    `function`, `start` (called once in every worker) and the items are pickled; `preload` names modules to load once
    for all workers, if the system allows. `function` should not raise: an exception ends the worker. Raises
    ExternalError if workers do not start, and the InputError that `start` raises.

    If the command computes on a cluster, so does this, unless the number of workers is given.
    """
    if workers is None and in_use():
        from infogap.parallel.ray_tasks import bounded_on_ray

        yield from bounded_on_ray(function, items, limit=limit, deadline=deadline, start=start, preload=preload)
    else:
        yield from bounded_here(
            function, items, limit=limit, deadline=deadline, workers=workers, start=start, preload=preload
        )


def bounded_here(
    function: Callable[[Any], Any],
    items: Iterable[Any],
    *,
    limit: float,
    deadline: float | None = None,
    workers: int | None = None,
    start: Callable[[], None] | None = None,
    preload: Iterable[str] = (),
) -> Generator[Any, None, None]:
    """Do the same as `bounded`, always on this machine."""
    deadline = _PATIENCE * limit if deadline is None else deadline
    pool = _Pool(function, limit, deadline, workers or usable_cores(), start, tuple(preload))
    try:
        yield from pool.results(iter(items))
    finally:
        pool.close()


@dataclass
class _Slot:
    """An item, and its result once it is there."""

    number: int  # its place among the items
    item: Any
    done: bool = False
    value: Any = None
    again: bool = False  # it was done, but its result was lost with its worker


@dataclass
class _Worker:
    """A process, the items that it holds (the first ones may be done), and its progress with them."""

    process: Any
    connection: Connection
    clock: Any  # shared: when the current item was begun, and how many of the batch were
    since: float  # when the process was started, or got its batch
    ready: bool = False
    batch: deque[_Slot] = field(default_factory=deque)
    received: int = 0  # results of the batch
    size: int = 16  # items in the next batch

    def due(self, deadline: float) -> float:
        """Return when it exceeds its deadline, in the time of time.monotonic()."""
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
        # Not fork, as Polars' threads are running. The fork server has modules loaded, so that a new worker is cheap.
        method = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
        self._context: Any = multiprocessing.get_context(method)
        if method == "forkserver":
            self._context.set_forkserver_preload(list(preload))
        self._alone = not of_the_script(function, start)
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
                # An item that was done and lost is repeated without new ones: one that hangs would lose it again.
                alike = partial(_equally_new, self._waiting[0])
                count = sum(1 for _ in takewhile(alike, islice(self._waiting, most)))
                worker.batch.extend(self._waiting.popleft() for _ in range(count))
                worker.clock[0], worker.clock[1], worker.received = 0.0, 0.0, 0
                worker.since = time.monotonic()
                with suppress(OSError):  # it has died, as `_supervise` will notice
                    worker.connection.send([slot.item for slot in worker.batch])
        starting = sum(not worker.ready for worker in self._workers)
        while len(self._workers) < self._size and len(self._waiting) > starting:
            self._workers.append(self._started())
            starting += 1

    def _started(self) -> _Worker:
        clock = self._context.RawArray("d", 2)
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=self._serve, args=(theirs, clock), daemon=True)
        with script_left_alone(self._alone):
            process.start()
        theirs.close()  # so that the connection ends when the process dies
        return _Worker(process, ours, clock, time.monotonic())

    def _supervise(self, *, patient: bool) -> None:
        """Receive reports, and kill workers that died or exceed their deadline; if `patient`, wait for either."""
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
        """Receive one report; return False if the worker has died."""
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
        """Kill a worker; the item that it had begun is lost, and the others of its batch wait again."""
        now = time.monotonic()
        end_process(worker.process)
        with suppress(EOFError, OSError):  # results that it sent before
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
                raise ExternalError(f"worker processes keep dying (exit code {worker.process.exitcode}){_UNGUARDED}")
        undone = (slot for slot in worker.batch if not slot.done)
        self._waiting = deque(sorted([*self._waiting, *undone], key=lambda slot: slot.number))


def _equally_new(first: _Slot, other: _Slot) -> bool:
    return first.again == other.again


def _lost(why: Literal["deadline", "death"], exit_code: int | None) -> Lost:
    if why == "deadline":
        return Lost("deadline")
    return Lost("time") if out_of_time(exit_code) else Lost("death", exit_code)


@dataclass(frozen=True)
class _Failure:
    """Sent by a worker that cannot start."""

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
    """Run a worker process: start, then work on batches until the parent is gone."""
    stand_apart()
    end_within(START_LIMIT)
    try:
        if start:
            start()
    except Exception as error:
        wrong_input = isinstance(error, InputError)
        connection.send(_Failure(str(error) if wrong_input else f"{type(error).__name__}: {error}", wrong_input))
        return
    end_within(None)
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
        end_after(limit)  # before the item counts as begun: it must not run on the rest of the last one's time
        end_within(deadline)
        clock[0], clock[1] = time.monotonic(), index
        done.append(function(item))
        if time.monotonic() - reported > _REPORT or index == len(items):
            end_after(None)
            end_within(None)
            connection.send(done)
            done, reported = [], time.monotonic()
