"""A function of many items on all cores, its results in the items' order."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import pytest

from infogap.errors import ExternalError, InputError
from infogap.parallel import usable_cores
from infogap.parallel.ordered import processes_in_order, threads_in_order


def _slow_first(item: int) -> tuple[int, int]:
    time.sleep(0.2 if item == 0 else 0)
    return item, os.getpid()


def _fails(item: int) -> int:
    if item == 3:
        raise InputError("three is wrong")
    return item


def _killed(item: int) -> int:
    if item == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return item


def test_results_come_in_order_from_other_processes() -> None:
    found = list(processes_in_order(_slow_first, range(20), 20, workers=2))
    assert [item for item, _ in found] == list(range(20))
    assert os.getpid() not in {process for _, process in found}


def test_one_item_needs_no_process() -> None:
    assert list(processes_in_order(_slow_first, [1], 1)) == [(1, os.getpid())]


def test_items_are_taken_as_they_are_needed() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for item in range(1000):
            taken.append(item)
            yield item

    results = processes_in_order(_fails, (item + 10 for item in items()), 1000, workers=2)
    next(results)
    results.close()
    assert len(taken) < 20


def test_what_the_function_raises_is_raised() -> None:
    with pytest.raises(InputError, match="three is wrong"):
        list(processes_in_order(_fails, range(9), 9, workers=2))


def test_a_killed_worker_is_told() -> None:
    with pytest.raises(ExternalError, match="the system ended a worker process"):
        list(processes_in_order(_killed, range(9), 9, workers=2))


def test_threads_give_results_in_order_and_take_items_as_they_are_needed() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for item in range(1000):
            taken.append(item)
            yield item

    results = threads_in_order(_slow_first, items())
    assert [next(results)[0] for _ in range(3)] == [0, 1, 2]
    results.close()
    assert len(taken) <= 3 + usable_cores() + 1


def test_what_the_function_raises_in_a_thread_is_raised() -> None:
    with pytest.raises(InputError, match="three is wrong"):
        list(threads_in_order(_fails, range(9)))
