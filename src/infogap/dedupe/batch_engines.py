"""Process batches of texts on this machine's cores, or on a Ray cluster. The result is the same."""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

from infogap.errors import ExternalError, InputError
from infogap.parallel.ordered import threads_in_order

Result = TypeVar("Result")


class Engine(Protocol):
    """Applies a function to many items."""

    def map(self, function: Callable[..., Result], items: Iterable[Any], *shared: Any) -> Iterator[Result]:
        """Yield `function(item, *shared)` of every item, in order; take items only as fast as they are processed."""


class Threads:
    """All cores of this machine, in threads: the work is compiled code or Polars', which release Python's lock."""

    def map(self, function: Callable[..., Result], items: Iterable[Any], *shared: Any) -> Iterator[Result]:
        return threads_in_order(lambda item: function(item, *shared), items)


_engine: Engine = Threads()


def engine() -> Engine:
    """Return the engine in use, by default this machine's cores."""
    return _engine


@contextmanager
def using(other: Engine) -> Iterator[None]:
    """Use another engine while the block runs."""
    global _engine  # noqa: PLW0603
    before, _engine = _engine, other
    try:
        yield
    finally:
        _engine = before


_PER_CORE = 2  # tasks submitted ahead, so that no core waits
_CONNECT_SECONDS = 10.0
_QUIET: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR", "configure_logging": False}


class RayTasks:
    """Each item is a task on one core of any node; results come back in the items' order.

    The nodes read the texts themselves, so they must see the run's folder under the same path.
    """

    def map(self, function: Callable[..., Result], items: Iterable[Any], *shared: Any) -> Iterator[Result]:
        """Raise ExternalError if a task fails, as on a node without the files or without infogap."""
        import ray

        remote = ray.remote(num_cpus=1)(function)
        kept = [ray.put(value) for value in shared]  # once per node, not once per task
        most = max(int(ray.cluster_resources().get("CPU", 1)) * _PER_CORE, 1)
        waiting: deque[Any] = deque()
        try:
            for item in items:
                waiting.append(remote.remote(item, *kept))
                if len(waiting) > most:
                    yield ray.get(waiting.popleft())
            while waiting:
                yield ray.get(waiting.popleft())
        except ray.exceptions.RayError as error:
            reason = str(error).strip().splitlines()[-1]
            needed = "every node needs infogap, and the files under the same path"
            raise ExternalError(f"a task on the Ray cluster failed: {reason}; {needed}") from None


@contextmanager
def on_ray(address: str) -> Iterator[None]:
    """Use a Ray cluster while the block runs.

    `address` is `host:port` of its head node, `auto` for the cluster of this node, or `local` for this machine alone.

    Raises InputError if Ray is not installed or the address is invalid, ExternalError if there is no such cluster.
    """
    try:
        import ray
    except ModuleNotFoundError:
        raise InputError("--ray needs Ray; pip install 'infogap[ray]'") from None
    try:
        if address not in ("auto", "local"):
            host, _, port = address.rpartition(":")
            if not host or not port.isdigit():
                raise InputError(f"--ray {address}: write host:port, auto or local")
            socket.create_connection((host, int(port)), _CONNECT_SECONDS).close()  # Ray itself would try for minutes
        ray.init(address, include_dashboard=False if address == "local" else None, **_QUIET)
    except (ConnectionError, OSError, ValueError, RuntimeError) as error:
        raise ExternalError(f"there is no Ray cluster at {address}: {str(error).splitlines()[0]}") from None
    try:
        with using(RayTasks()):
            yield
    finally:
        ray.shutdown()
