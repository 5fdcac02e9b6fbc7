"""Grading in worker processes: an answer that hangs or crashes its worker costs nothing but itself."""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures.process import BrokenProcessPool
from importlib import import_module
from itertools import islice
from pathlib import Path

from pebble import ProcessExpired, ProcessFuture, ProcessPool

from infogap.cores import usable_cores
from infogap.errors import WorldError
from infogap.verify.grade import Grade, Item, ungradable
from infogap.verify.graders import BOUNDED, grade

TIME_LIMIT = 10.0  # seconds per item
MEMORY_LIMIT = 2 << 30  # bytes that a worker may take beyond what it starts with
_BATCH = 16  # items per message to a worker: a message costs as much as grading a few simple answers
_BATCHES_AHEAD = 64  # what is in flight: bounded memory, and work for the others while one worker hangs

Keyed = tuple[str, Item | Grade]


def grade_all(
    work: Iterable[Keyed], *, verifiers: Iterable[str], limit: float = TIME_LIMIT, workers: int | None = None
) -> Generator[tuple[str, Grade], None, None]:
    """Grade keyed items in worker processes, in their order; grades among them pass through.

    `verifiers` are those that occur in `work` and need a worker; `limit` is in seconds per item. An item that takes
    longer is `ungradable`: its worker is killed and replaced. Raises WorldError where no worker starts.
    """
    modules = [BOUNDED[name] for name in sorted(set(verifiers) & BOUNDED.keys())]
    # Not fork: Polars' threads are running. The fork server holds the graders ready, so that a new worker is cheap.
    method = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
    context = multiprocessing.get_context(method)
    if method == "forkserver":
        context.set_forkserver_preload(modules)
    pool = ProcessPool(
        max_workers=workers or usable_cores(),
        initializer=_start_worker,
        initargs=(modules,),
        context=context,
    )
    try:
        remaining, ahead = iter(work), deque[_Batch]()
        while batch := list(islice(remaining, _BATCH)):
            ahead.append(_Batch(pool, batch, limit))
            if len(ahead) >= _BATCHES_AHEAD:
                yield from ahead.popleft().grades()
        while ahead:
            yield from ahead.popleft().grades()
    except BrokenProcessPool as error:
        raise WorldError(f"the processes that grade answers do not start or keep dying: {error}") from error
    finally:
        pool.stop()  # type: ignore[no-untyped-call]
        pool.join()


class _Batch:
    """Some of the work: its items are with a worker, its grades wait."""

    def __init__(self, pool: ProcessPool, work: list[Keyed], limit: float) -> None:
        self._pool = pool
        self._work = work
        self._limit = limit
        self._items = [item for _, item in work if isinstance(item, Item)]
        self._future = self._send(self._items) if self._items else None

    def grades(self) -> Iterator[tuple[str, Grade]]:
        """The grades in order, as soon as they are there."""
        graded = iter(self._graded())
        for key, item in self._work:
            yield key, item if isinstance(item, Grade) else next(graded)

    def _send(self, items: list[Item]) -> ProcessFuture[list[Grade]]:
        try:
            return self._pool.schedule(_grade_batch, args=(items,), timeout=self._limit)
        except RuntimeError as error:  # the pool has given up
            raise BrokenProcessPool(str(error)) from error

    def _graded(self) -> list[Grade]:
        if self._future is None:
            return []
        try:
            return self._future.result()
        except (TimeoutError, ProcessExpired):  # one of them hangs or crashes: each alone, to know which
            alone = [(item, self._send([item])) for item in self._items]
            return [self._graded_alone(item, future) for item, future in alone]

    def _graded_alone(self, item: Item, future: ProcessFuture[list[Grade]]) -> Grade:
        try:
            return future.result()[0]
        except TimeoutError:
            return ungradable(f"grading took more than {self._limit:g} s", item.answer)
        except ProcessExpired:
            return ungradable("grading crashed its process", item.answer)


# In the worker


def _start_worker(modules: list[str]) -> None:
    for module in modules:
        import_module(module)
    _limit_memory()


def _limit_memory() -> None:
    """Let a huge number be a MemoryError in this process instead of the end of another."""
    try:
        import resource

        taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (taken + MEMORY_LIMIT, resource.RLIM_INFINITY))
    except (ImportError, OSError, ValueError):
        return  # a system without such limits


def _grade_batch(items: list[Item]) -> list[Grade]:
    return [_grade(item) for item in items]


def _grade(item: Item) -> Grade:
    try:
        return grade(item)
    except Exception as error:  # whatever a model's text brings a grader to: this trace's verdict, not the run's end
        return ungradable(f"the grader failed ({type(error).__name__}: {error})"[:200], item.answer)
