"""A function of many items on a Ray cluster, in its local mode: order, deaths, limits, and what nodes must have."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from infogap.errors import ExternalError, InputError
from infogap.parallel import usable_cores
from infogap.parallel.bounded_processes import Given, Lost, bounded
from infogap.parallel.ordered import processes_in_order
from infogap.parallel.ray_cluster import in_use, on_ray, software

pytest.importorskip("ray")
MANY = 300  # items of a bounded function that go to the cluster


@pytest.fixture(autouse=True, scope="module")
def _cluster() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(Path(__file__).parent), *sys.path]))  # of Ray's processes
        with on_ray("local"):
            yield


def _process(item: int) -> tuple[int, int]:
    time.sleep(0.3 if item == 0 else 0)
    return item, os.getpid()


def _fails(item: int) -> int:
    if item == 3:
        raise InputError("three is wrong")
    return item


class _UnpicklableError(Exception):
    def __init__(self) -> None:
        super().__init__("cannot travel")
        self.function = lambda: None


def _fails_oddly(item: int) -> int:
    raise _UnpicklableError


def _dies_once(item: int, marks: Path) -> int:
    mark = marks / str(item)
    if item % 5 == 2 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return item * item


def _dies(item: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return item


def _waits(item: int, marks: Path) -> int:
    (marks / str(os.getpid())).touch()
    time.sleep(600)
    return item


def test_results_come_in_order_from_other_processes() -> None:
    found = list(processes_in_order(_process, range(20), 20))
    assert [item for item, _ in found] == list(range(20))
    assert os.getpid() not in {process for _, process in found}


def test_one_item_stays_here() -> None:
    assert list(processes_in_order(_process, [1], 1)) == [(1, os.getpid())]


def test_items_are_taken_as_they_are_needed() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for item in range(1000):
            taken.append(item)
            yield item

    results = processes_in_order(_process, items(), 1000)
    assert [next(results)[0] for _ in range(5)] == list(range(5))
    results.close()
    assert len(taken) <= 5 + 2 * usable_cores()


def test_what_the_function_raises_is_raised() -> None:
    with pytest.raises(InputError) as raised:
        list(processes_in_order(_fails, range(9), 9))
    assert str(raised.value) == "three is wrong"
    assert "in _fails" in raised.value.__notes__[0]
    with pytest.raises(RuntimeError, match="_UnpicklableError: cannot travel"):
        list(processes_in_order(_fails_oddly, range(9), 9))


def test_a_task_whose_process_dies_is_repeated(tmp_path: Path) -> None:
    results = processes_in_order(partial(_dies_once, marks=tmp_path), range(12), 12)
    assert list(results) == [item * item for item in range(12)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["2", "7"]


def test_a_task_that_always_dies_ends_the_command() -> None:
    with pytest.raises(ExternalError, match="failed 4 times") as raised:
        list(processes_in_order(_dies, range(3), 3))
    assert "\n" not in str(raised.value)


def test_closing_ends_the_tasks(tmp_path: Path) -> None:
    def items() -> Iterator[int]:
        yield from range(2)
        while not any(tmp_path.iterdir()):  # until one runs
            time.sleep(0.05)
        raise InputError("no more")

    with pytest.raises(InputError, match="no more"):
        list(processes_in_order(partial(_waits, marks=tmp_path), items(), 3))
    running = [int(path.name) for path in tmp_path.iterdir()]
    until = time.monotonic() + 30
    while any(_exists(process) for process in running) and time.monotonic() < until:
        time.sleep(0.1)
    assert not any(_exists(process) for process in running)


def _exists(process: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False


# Functions with limits


def _hangs_or_dies(item: int) -> tuple[int, int]:
    if item == 7:
        while True:
            pass
    if item == 150:
        os.kill(os.getpid(), signal.SIGKILL)
    return item, os.getppid()


def test_an_item_that_hangs_or_kills_its_worker_is_lost_alone() -> None:
    items = [Given(("given", 0)) if item % 10 == 5 else item for item in range(MANY)]
    results = list(bounded(_hangs_or_dies, items, limit=1))
    assert results[7] == Lost("time")
    assert results[150] == Lost("death", -signal.SIGKILL)
    others = [number for number in range(MANY) if number not in (7, 150)]
    assert [results[number][0] for number in others] == ["given" if number % 10 == 5 else number for number in others]


def test_few_items_are_computed_here() -> None:
    list(bounded(_process, range(3), limit=5))  # starts the fork server, whose processes these are
    assert {process for _, process in bounded(_parent, range(4), limit=5)} == {
        process for _, process in bounded(_parent, range(4), limit=5, workers=1)
    }


def _parent(item: int) -> tuple[int, int]:
    return item, os.getppid()


def test_a_worker_that_cannot_start_is_told() -> None:
    with pytest.raises(InputError, match="no such module"):
        list(bounded(_fails, range(1000), limit=1, start=_cannot_start))


def _cannot_start() -> None:
    raise InputError("no such module")


def test_what_is_given_needs_no_task() -> None:
    assert list(bounded(_dies, [Given(item) for item in range(20_000)], limit=1)) == list(range(20_000))


# What nodes must have


def test_a_node_with_other_versions_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from infogap.parallel import ray_tasks

    monkeypatch.setattr(ray_tasks, "software", lambda: software() | {"polars": "0.0.1"})
    with pytest.raises(ExternalError, match=r"has polars \d.* instead of 0\.0\.1; install the same versions"):
        list(processes_in_order(_process, range(4), 4))


def test_software_names_what_values_depend_on() -> None:
    found = software()
    assert all(found[name] for name in ("Python", "infogap", "polars", "numpy", "math-verify", "sympy"))


def test_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infogap.parallel.ray_cluster._in_use", False)
    for address in ("head", "head:x", "http://head:1", "head:6379/x", ""):
        with pytest.raises(InputError, match="write auto, local, host:port or ray://host:port"), on_ray(address):
            pass
    monkeypatch.setattr("ray.is_initialized", lambda: False)
    for address in ("127.0.0.1:1", "ray://127.0.0.1:1"):
        with pytest.raises(ExternalError, match=f"there is no Ray cluster at {address}: .*refused"), on_ray(address):
            pass
    monkeypatch.setattr("ray.init", _refuses)
    with pytest.raises(ExternalError, match="at auto cannot be joined: two lines; one that asks for a token"):  # noqa: SIM117
        with on_ray("auto"):
            pass
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match="--ray needs Ray"), on_ray("local"):
        pass
    assert not in_use()


def _refuses(*_: object, **__: object) -> None:
    raise RuntimeError("two\nlines")
