"""Apply a function to many items on the nodes of a Ray cluster (Moritz et al. 2018, arXiv 1712.05889).

Items and results are sent by value, a few per core at a time: nodes need infogap and Ray, and no file of the run. A
task whose process or node dies is repeated. What the function raises is raised here, as if it had run here.
"""

from __future__ import annotations

import pickle
import time
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, TypeVar

from infogap.console import say
from infogap.errors import ExternalError
from infogap.parallel.bounded_processes import Given, bounded_here
from infogap.parallel.ray_cluster import check_software, software

Item = TypeVar("Item")
Result = TypeVar("Result")

RETRIES = 3  # of a task whose process or node died
BATCH = 1_000  # items of a bounded function in a task: about a second of grading
FEWEST = 100  # items of a bounded function that are worth a task
_PER_CORE = 2  # tasks submitted ahead, so that no core waits
_LONGEST = 4 * BATCH  # items in a task, if most of them are given
_LOOK_AGAIN = 10.0  # seconds until the cluster's cores are counted again: nodes may join


def ray_tasks_in_order(
    function: Callable[[Item], Result], items: Iterable[Item | Given]
) -> Generator[Result, None, None]:
    """Yield `function(item)` for every item, in the items' order, each computed by a task on one core of any node.

    For an item that is `Given`, its value is yielded. `function`, items and results are pickled. Closing the
    generator, or Ctrl-C, ends the tasks. Raises what `function` raises, and ExternalError if a task's process died
    several times, or a node lacks infogap or has other versions than this machine.
    """
    import ray

    remote = ray.remote(num_cpus=1, max_retries=RETRIES)(_on_node)
    kept = [ray.put((software(), function))]  # in a list, as Ray would unpickle it anew for every task
    room = _Room()
    waiting: deque[Any] = deque()
    try:
        for item in items:
            waiting.append(item if isinstance(item, Given) else remote.remote(kept, item))
            while len(waiting) > room.tasks():
                yield _result(waiting.popleft())
        while waiting:
            yield _result(waiting.popleft())
    except ray.exceptions.RayError as error:
        raise ExternalError(_failure(error)) from None
    finally:
        for task in waiting:
            if not isinstance(task, Given):
                with suppress(Exception):  # the connection is gone, and the tasks with it
                    ray.cancel(task, force=True)


class _Room:
    """How many tasks keep the cluster busy."""

    def __init__(self) -> None:
        self._tasks = 0
        self._counted = float("-inf")
        self._told = False

    def tasks(self) -> int:
        import ray

        if time.monotonic() - self._counted > _LOOK_AGAIN:
            cores = int(ray.cluster_resources().get("CPU", 0))
            if not cores and not self._told:
                say("the Ray cluster has no CPUs yet; waiting for a node", style="yellow")
                self._told = True
            self._tasks, self._counted = max(cores, 1) * _PER_CORE, time.monotonic()
        return self._tasks


@dataclass(frozen=True)
class _Raised:
    """What the function raised on a node."""

    error: Exception


def _result(task: Any) -> Any:
    import ray

    if isinstance(task, Given):
        return task.value
    result = ray.get(task)
    if isinstance(result, _Raised):
        raise result.error
    return result


def _failure(error: Exception) -> str:
    """Say in one line why Ray could not run a task."""
    import ray

    lines = [line.strip() for line in str(error).strip().splitlines() if line.strip()] or [type(error).__name__]
    if isinstance(error, ray.exceptions.RayTaskError):  # raised before or after the function: by unpickling, say
        return f"a task on the Ray cluster failed: {lines[-1]}; every node needs infogap, of the same version"
    return (
        f"a task on the Ray cluster failed {RETRIES + 1} times ({type(error).__name__}: {lines[0]:.200}); is memory "
        "short on its nodes? Finished work is on disk: the same command continues from there"
    )


# On a node

_kept: tuple[str, Callable[[Any], Any]] = ("", lambda item: item)  # the function that this process called last


def _on_node(kept: list[Any], item: Any) -> Any:
    """Call the function that the reference in `kept` refers to."""
    global _kept  # noqa: PLW0603
    import ray

    (reference,) = kept
    if _kept[0] != reference.hex():
        versions, function = ray.get(reference)
        try:
            check_software(versions)
        except ExternalError as error:
            return _Raised(error)
        _kept = (reference.hex(), function)
    try:
        return _kept[1](item)
    except Exception as error:
        return _Raised(_portable(error))


def _portable(error: Exception) -> Exception:
    """Return the error with its traceback as a note; as a RuntimeError if it cannot be pickled."""
    noted = error
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        noted = RuntimeError(f"{type(error).__name__}: {error}"[:500])
    noted.add_note("".join(traceback.format_exception(error)))
    return noted


# Functions with limits


@dataclass(frozen=True)
class _Batch:
    """Calls of a function with limits, in one worker process beside the task's own."""

    function: Callable[[Any], Any]
    options: dict[str, Any]  # of `bounded`

    def __call__(self, items: list[Any]) -> list[Any]:
        return list(bounded_here(self.function, items, workers=1, **self.options))


def bounded_on_ray(function: Callable[[Any], Any], items: Iterable[Any], **options: Any) -> Generator[Any, None, None]:
    """Do on a cluster what `bounded` does here, with the same results; see there for the options.

    A task has a batch of items, which a worker process of its node computes within the limits. Fewer than `FEWEST`
    items are left to this machine.
    """
    remaining = iter(items)
    first = list(islice(remaining, FEWEST))
    if len(first) < FEWEST:
        yield from bounded_here(function, first, **options)
        return
    layouts: deque[list[Any]] = deque()

    def batches() -> Iterator[Any]:
        for batch in _batches(chain(first, remaining)):
            layouts.append(batch)
            work = [item for item in batch if not isinstance(item, Given)]
            yield work or Given([])

    outcomes = ray_tasks_in_order(_Batch(function, options), batches())
    try:
        for computed in outcomes:
            results = iter(computed)
            for item in layouts.popleft():
                yield item.value if isinstance(item, Given) else next(results)
    finally:
        outcomes.close()


def _batches(items: Iterable[Any]) -> Iterator[list[Any]]:
    """Yield the items in lists with at most `BATCH` that have to be computed."""
    batch: list[Any] = []
    work = 0
    for item in items:
        batch.append(item)
        work += not isinstance(item, Given)
        if work == BATCH or len(batch) == _LONGEST:
            yield batch
            batch, work = [], 0
    if batch:
        yield batch
