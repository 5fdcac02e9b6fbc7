"""Run several contexts of one model at once, each on a thread of its own.

Why not a thread pool alone: it cannot send an item to the context that has already read its prompt.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Hashable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from queue import SimpleQueue
from typing import TypeVar

Context = TypeVar("Context")
Item = TypeVar("Item")
Result = TypeVar("Result")


def threads_as_finished(
    contexts: Sequence[Context],
    items: Iterable[Item],
    prompt_of: Callable[[Item], Hashable],
    work: Callable[[Context, Item, threading.Event], Result],
) -> Generator[Result, None, None]:
    """Yield `work(context, item, stop)` for every item.

    An item goes to a context that has read its prompt, if one is free. At most one item per context is read ahead. The
    first exception of `work` or of `items`, or Ctrl-C, is raised after the results that have finished by then. However
    the iteration ends, `stop` is set and the threads are joined: `work` must check `stop` regularly, and may raise once
    it is set.
    """
    waiting = iter(items)
    ahead: list[Item] = []
    read: list[Hashable] = [None] * len(contexts)  # the prompt that each context read last
    idle = list(range(len(contexts)))
    running: dict[Future[Result], int] = {}
    finished: SimpleQueue[Future[Result]] = SimpleQueue()
    stop = threading.Event()

    def start(threads: ThreadPoolExecutor) -> None:
        while idle:
            ahead.extend(islice(waiting, len(contexts) - len(ahead)))
            if not ahead:
                return
            number, item = _next(idle, ahead, [prompt_of(each) for each in ahead], read)
            idle.remove(number)
            ahead.remove(item)
            read[number] = prompt_of(item)
            future = threads.submit(work, contexts[number], item, stop)
            running[future] = number
            future.add_done_callback(finished.put)

    threads = ThreadPoolExecutor(len(contexts), thread_name_prefix="infogap-context")
    try:
        start(threads)
        while running:
            done = finished.get()
            idle.append(running.pop(done))
            try:
                start(threads)
            except BaseException:  # raised by `items`; this result is yielded first
                finished.put(done)
                raise
            yield done.result()
    except (Exception, KeyboardInterrupt):  # results that were paid for are yielded first
        while not finished.empty():
            done = finished.get()
            if done.exception() is None:
                yield done.result()
        raise
    finally:
        stop.set()
        threads.shutdown(wait=True, cancel_futures=True)


def _next(idle: list[int], ahead: list[Item], prompts: list[Hashable], read: list[Hashable]) -> tuple[int, Item]:
    """Choose a context and an item: one whose prompt it has read, or else one that no other context has read."""
    for number in idle:
        if read[number] in prompts:
            return number, ahead[prompts.index(read[number])]
    elsewhere = {read[number] for number in range(len(read)) if number not in idle}
    free = [item for item, prompt in zip(ahead, prompts, strict=True) if prompt not in elsewhere]
    return idle[0], free[0] if free else ahead[0]
