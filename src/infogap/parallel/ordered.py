"""Apply a function to many items on all cores, and yield the results in the items' order.

Why not `Executor.map` of the standard library: it reads every item before it yields the first result.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from infogap.errors import ExternalError
from infogap.parallel import leave_stdout_alone, usable_cores
from infogap.parallel.ray_cluster import in_use
from infogap.parallel.unguarded_scripts import of_the_script, script_left_alone

Item = TypeVar("Item")
Result = TypeVar("Result")

_AHEAD = 2  # items per process, waiting or done, that are held at once


def processes_in_order(
    function: Callable[[Item], Result], items: Iterable[Item], count: int, workers: int | None = None
) -> Generator[Result, None, None]:
    """Yield `function(item)` for every item, computed in worker processes.

    `count` is the number of items; a single one is computed in this process. `workers` is the number of processes, by
    default one per core. `function` is pickled once for every process, each item and result once. Raises what
    `function` raises, and ExternalError if a process is killed, for example because memory ran out.

    If the command computes on a cluster, so does this, unless the number of workers is given.
    """
    if workers is None and count > 1 and in_use():
        from infogap.parallel.ray_tasks import ray_tasks_in_order

        yield from ray_tasks_in_order(function, items)
        return
    workers = min(workers or usable_cores(), count)
    if workers < 2:
        yield from map(function, items)
        return
    method = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
    pool = ProcessPoolExecutor(
        workers, multiprocessing.get_context(method), initializer=_start_worker, initargs=(function,)
    )
    alone = not of_the_script(function)

    def submit(item: Item) -> Future[Result]:
        with script_left_alone(alone):  # the pool starts its processes as items come
            return pool.submit(_work, item)

    try:
        yield from _in_order(submit, items, _AHEAD * workers)
    except BrokenProcessPool as error:
        raise ExternalError(f"the system ended a worker process, perhaps because memory ran out ({error})") from error
    finally:
        pool.shutdown(cancel_futures=True)


def threads_in_order(function: Callable[[Item], Result], items: Iterable[Item]) -> Generator[Result, None, None]:
    """Yield `function(item)` for every item, computed in one thread per core: for code that releases Python's lock.

    Raises what `function` raises.
    """
    cores = usable_cores()
    pool = ThreadPoolExecutor(cores)
    try:
        yield from _in_order(lambda item: pool.submit(function, item), items, cores)
    finally:
        pool.shutdown(cancel_futures=True)


def _in_order(
    submit: Callable[[Item], Future[Result]], items: Iterable[Item], ahead: int
) -> Generator[Result, None, None]:
    """Submit the items, at most `ahead` beyond the one whose result is next."""
    submitted = deque[Future[Result]]()
    for item in items:
        submitted.append(submit(item))
        if len(submitted) > ahead:
            yield submitted.popleft().result()
    while submitted:
        yield submitted.popleft().result()


_function: Callable[[Any], Any]  # of a worker process


def _start_worker(function: Callable[[Any], Any]) -> None:
    global _function  # noqa: PLW0603
    _function = function
    leave_stdout_alone()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends the workers


def _work(item: Any) -> Any:
    return _function(item)
