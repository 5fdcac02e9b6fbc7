"""Coroutines from ordinary code: bounded, lazy, in any order, and cleanly ended."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infogap.parallel.coroutines import coroutines_as_finished


class Bench:
    """A resource that notes what happens to it."""

    def __init__(self) -> None:
        self.open = False
        self.running = 0
        self.most = 0
        self.cancelled_while_open = 0

    @asynccontextmanager
    async def opening(self) -> AsyncIterator[Bench]:
        self.open = True
        yield self
        self.open = False


async def work(bench: Bench, seconds: float) -> float:
    bench.running += 1
    bench.most = max(bench.most, bench.running)
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        bench.cancelled_while_open += bench.open
        raise
    finally:
        bench.running -= 1
    return seconds


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "infogap-in-flight"]


@given(items=st.lists(st.sampled_from([0.0, 0.001, 0.002]), max_size=30), limit=st.integers(1, 8))
def test_every_item_gives_one_result(items: list[float], limit: int) -> None:
    bench = Bench()
    assert sorted(coroutines_as_finished(items, work, bench.opening, limit)) == sorted(items)
    assert bench.most <= limit
    assert not bench.open
    assert threads() == []


def test_results_come_as_they_finish() -> None:
    assert list(coroutines_as_finished([0.3, 0.0, 0.1], work, Bench().opening, 3)) == [0.0, 0.1, 0.3]


def test_items_are_taken_only_as_work_can_start() -> None:
    taken = 0

    def endless() -> Iterator[float]:
        nonlocal taken
        while True:
            taken += 1
            yield 0.0

    results = coroutines_as_finished(endless(), work, Bench().opening, 4)
    assert taken == 0
    for yielded in range(1, 200):
        next(results)
        assert taken <= yielded + 2 * 4
    results.close()


def test_work_goes_on_while_the_caller_is_busy() -> None:
    bench = Bench()
    results = coroutines_as_finished([0.0, 0.05, 0.05, 0.05], work, bench.opening, 4)
    next(results)
    time.sleep(0.3)
    assert bench.running == 0
    assert len(list(results)) == 3


@pytest.mark.filterwarnings("error")
def test_closing_early_cancels_before_the_resource_closes() -> None:
    bench = Bench()
    results = coroutines_as_finished([0.0, 60.0, 60.0, 60.0], work, bench.opening, 3)
    next(results)
    started = time.monotonic()
    results.close()
    assert time.monotonic() - started < 5
    assert bench.cancelled_while_open == 2
    assert not bench.open
    assert threads() == []


async def fail(bench: Bench, item: int) -> int:
    if item == 3:
        raise ValueError("three")
    await asyncio.sleep(0 if item < 3 else 60)
    return item


@pytest.mark.filterwarnings("error")
def test_errors_of_the_work_are_raised_and_the_rest_is_cancelled() -> None:
    with pytest.raises(ValueError, match="three"):
        list(coroutines_as_finished(range(100), fail, Bench().opening, 8))
    assert threads() == []


@pytest.mark.filterwarnings("error")
def test_errors_of_the_items_are_raised() -> None:
    def items() -> Iterator[float]:
        yield 60.0
        raise KeyError("no more tasks")

    with pytest.raises(KeyError, match="no more tasks"):
        list(coroutines_as_finished(items(), work, Bench().opening, 2))
    assert threads() == []


@pytest.mark.parametrize("in_work", [True, False])
def test_what_has_finished_comes_before_the_error(in_work: bool) -> None:
    async def wait(bench: Bench, item: int) -> int:
        await asyncio.sleep(60 if item > 5 else 0)
        if in_work and item == 1:
            raise ValueError("one")
        return item

    def items() -> Iterator[int]:
        yield from range(8)
        time.sleep(0.3)  # meanwhile the first six finish
        if not in_work:
            raise ValueError("no more")

    came = Counter[int]()
    with pytest.raises(ValueError, match=r"one|no more"):
        for item in coroutines_as_finished(items(), wait, Bench().opening, 9):
            came[item] += 1
    assert came == Counter(item for item in range(6) if not (in_work and item == 1))
    assert threads() == []


def broken() -> AbstractAsyncContextManager[Bench]:
    raise OSError("no socket")


def test_what_has_finished_comes_before_the_interrupt() -> None:
    async def wait(bench: Bench, item: int) -> int:
        await asyncio.sleep(60 if item > 5 else 0)
        return item

    def items() -> Iterator[int]:
        yield from range(8)
        time.sleep(0.3)  # meanwhile the first six finish
        raise KeyboardInterrupt

    results = coroutines_as_finished(items(), wait, Bench().opening, 20)
    came: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        for result in results:
            came.append(result)
    assert sorted(came) == [0, 1, 2, 3, 4, 5]


def test_what_is_in_flight_finishes_where_the_items_end_early() -> None:
    stop = threading.Event()

    def until_stopped() -> Iterator[float]:
        while not stop.is_set():
            yield 0.2

    bench = Bench()
    results = coroutines_as_finished(until_stopped(), work, bench.opening, 4)
    came = [next(results)]
    stop.set()
    came += results
    assert 4 <= len(came) <= 8
    assert bench.cancelled_while_open == 0


@pytest.mark.parametrize("seconds", [0.02, 0.05, 0.11, 0.17])
def test_an_interrupt_at_any_moment_loses_nothing_that_had_finished(seconds: float) -> None:
    finished: list[int] = []
    by_then: list[int] = []

    async def note(bench: Bench, item: int) -> int:
        await asyncio.sleep(0.001 * (item % 7))
        finished.append(item)
        return item

    def interrupt() -> None:
        by_then.extend(finished)
        os.kill(os.getpid(), signal.SIGINT)

    came: list[int] = []
    results = coroutines_as_finished(count(), note, Bench().opening, 8)
    timer = threading.Timer(seconds, interrupt)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        take(results, came)
    results.close()
    assert len(came) == len(set(came))
    # One result is in the caller's hands, or between the two: nothing guards these few instructions.
    assert len(set(by_then) - set(came)) <= 1
    assert threads() == []


def take(results: Iterator[int], came: list[int]) -> None:
    came.extend(results)


def test_errors_of_opening_are_raised() -> None:
    with pytest.raises(OSError, match="no socket"):
        list(coroutines_as_finished([0.0], work, broken, 2))
    assert threads() == []
