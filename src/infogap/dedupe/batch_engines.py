"""Where the work on batches of texts is done: on this machine's cores, or on a Ray cluster. The result is the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

from infogap.parallel.ordered import threads_in_order

Result = TypeVar("Result")


class Engine(Protocol):
    """Applies a function to many items."""

    def map(self, function: Callable[..., Result], items: Iterable[Any], *shared: Any) -> Iterator[Result]:
        """`function(item, *shared)` of every item, in their order; takes items only as fast as they are worked on."""


class Threads:
    """All cores of this machine: the work is compiled code, or Polars', which hold no lock of Python's."""

    def map(self, function: Callable[..., Result], items: Iterable[Any], *shared: Any) -> Iterator[Result]:
        return threads_in_order(lambda item: function(item, *shared), items)


_engine: Engine = Threads()


def engine() -> Engine:
    """The engine that is in use: this machine's cores where nothing else was said."""
    return _engine


@contextmanager
def using(other: Engine) -> Iterator[None]:
    """Work on another engine while the block runs."""
    global _engine  # noqa: PLW0603
    before, _engine = _engine, other
    try:
        yield
    finally:
        _engine = before
