"""Process batches of texts on this machine's cores, or on a Ray cluster. The result is the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, Protocol, TypeVar

from infogap.parallel.ordered import threads_in_order
from infogap.parallel.ray_cluster import in_use

Result = TypeVar("Result")


class Engine(Protocol):
    """Applies a function to many items."""

    def map(self, function: Callable[..., Result], items: Iterable[Any], *shared: Any) -> Iterator[Result]:
        """Yield `function(item, *shared)` of every item, in order; take items only as fast as they are processed."""


class Threads:
    """All cores of this machine, in threads: the work is compiled code or Polars', which release Python's lock."""

    def map(self, function: Callable[..., Result], items: Iterable[Any], *shared: Any) -> Iterator[Result]:
        return threads_in_order(lambda item: function(item, *shared), items)


class RayTasks:
    """Each item is a task on one core of any node; what is shared is sent once per node."""

    def map(self, function: Callable[..., Result], items: Iterable[Any], *shared: Any) -> Iterator[Result]:
        from infogap.parallel.ray_tasks import ray_tasks_in_order

        return ray_tasks_in_order(partial(_call, function, shared), items)


def _call(function: Callable[..., Result], shared: tuple[Any, ...], item: Any) -> Result:
    return function(item, *shared)


def engine() -> Engine:
    """Return the engine in use: this machine's cores, unless the command computes on a cluster."""
    return RayTasks() if in_use() else Threads()
