"""A function of many items in worker processes, in the items' order: what comes out does not depend on how many."""

from __future__ import annotations

import multiprocessing
import signal
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from infogap.errors import WorldError
from infogap.parallel import usable_cores

Item = TypeVar("Item")
Result = TypeVar("Result")

_AHEAD = 2  # items per worker that are held at once, waiting or done


def in_order(
    function: Callable[[Item], Result], items: Iterable[Item], count: int, workers: int | None = None
) -> Generator[Result, None, None]:
    """`function` of every item; `count` is how many there are, and one alone needs no worker.

    `function` is pickled once for every worker, each item and result once; a few items are held at a time. What
    `function` raises is raised here. Raises WorldError where a worker is killed, as for want of memory.
    """
    workers = min(workers or usable_cores(), count)
    if workers < 2:
        yield from map(function, items)
        return
    method = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
    pool = ProcessPoolExecutor(
        workers, multiprocessing.get_context(method), initializer=_start_worker, initargs=(function,)
    )
    sent = deque[Future[Result]]()
    try:
        for item in items:
            sent.append(pool.submit(_work, item))
            if len(sent) > _AHEAD * workers:
                yield sent.popleft().result()
        while sent:
            yield sent.popleft().result()
    except BrokenProcessPool as error:
        raise WorldError(f"a worker process was ended by the system, as for want of memory ({error})") from error
    finally:
        pool.shutdown(cancel_futures=True)


# In the worker

_function: Callable[[Any], Any]


def _start_worker(function: Callable[[Any], Any]) -> None:
    global _function  # noqa: PLW0603
    _function = function
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends the workers


def _work(item: Any) -> Any:
    return _function(item)
