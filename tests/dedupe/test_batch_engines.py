"""Results come in order, and as fast as they are taken."""

from __future__ import annotations

from collections.abc import Iterator

from infogap.dedupe.batch_engines import Threads, engine, using
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


def test_another_engine_is_used_for_a_while() -> None:
    before, other = engine(), Threads()
    with using(other):
        assert engine() is other
    assert engine() is before
