"""Results come in order, and as fast as they are taken."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from infogap.dedupe.batch_engines import RayTasks, Threads, engine
from infogap.parallel import usable_cores


def test_results_come_in_order() -> None:
    assert list(Threads().map(lambda number, other: number * other, range(50), 3)) == [3 * n for n in range(50)]


def test_items_are_taken_as_they_are_worked_on() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in range(1000):
            taken.append(number)
            yield number

    results = Threads().map(lambda number: number, items())
    assert next(results) == 0
    assert len(taken) <= 2 * usable_cores() + 2


def test_a_cluster_is_used_where_the_command_has_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(engine(), Threads)
    monkeypatch.setattr("infogap.parallel.ray_cluster._in_use", True)
    assert isinstance(engine(), RayTasks)
