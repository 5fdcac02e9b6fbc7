"""The ray backend: replicas of a model on the nodes of a Ray cluster, each with a vLLM engine.

The driver sends requests one by one and takes answers as they come, so that nodes can join and leave, and every answer
is on disk at once. A pipeline of Ray Data would pass on whole blocks instead.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
from collections.abc import Iterable, Iterator
from math import prod
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field

from infogap.errors import ExternalError, InputError
from infogap.parallel.coroutines import coroutines_as_finished
from infogap.teachers.base import Completion, Request, Resolve, Teacher
from infogap.teachers.ray.replicas import RayReplica, Replicas
from infogap.teachers.vllm.vllm_backend import OnVllm, VllmSettings, find_model

_QUIET: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
_CONNECT_SECONDS = 10.0
_SHUTDOWN_SECONDS = 15.0  # the engines' own limit is 10


class RayTeacher(VllmSettings):
    """vLLM on the nodes of a Ray cluster: replicas of the model, each an engine on one node."""

    backend: Literal["ray"]
    address: str | None = Field(
        None,
        description="host:port of the cluster's head node. By default RAY_ADDRESS, else the cluster that this node "
        "belongs to, else one of this machine alone, for this command; `local`: always that.",
    )
    replicas: int = Field(1, ge=1, description="Copies of the model that answer side by side.")
    gpus_per_replica: float | None = Field(
        None,
        ge=0,
        description="By default what the engine arguments ask for (tensor_parallel_size and the like); 0 for vLLM's "
        "CPU build, a fraction where replicas share a GPU.",
    )

    @property
    def gpus(self) -> float:
        """GPUs that a replica holds."""
        if self.gpus_per_replica is not None:
            return self.gpus_per_replica
        named = ("tensor_parallel_size", "pipeline_parallel_size", "data_parallel_size")
        sizes = (self.engine.get(name, 1) for name in named)
        return float(prod(size for size in sizes if isinstance(size, int)))  # vLLM itself refuses any other


class RayBackend(OnVllm[RayTeacher]):
    """Replicas of vLLM's engine. Where they run changes no answer, and is not published."""

    name = "ray"
    settings = RayTeacher

    def open(self, settings: RayTeacher, resolve: Resolve) -> Teacher:
        return RayCluster(settings, resolve)


class RayCluster:
    """A teacher that answers with vLLM on the nodes of a Ray cluster."""

    def __init__(self, settings: RayTeacher, resolve: Resolve) -> None:
        """Start the replicas and wait for the first one; `resolve` resolves a path of the recipe on this machine.

        A model's folder must have the same path on every node. Raises InputError if Ray, vLLM, the model or an engine
        argument is missing or wrong, ExternalError if the cluster cannot be reached or no replica starts.
        """
        self.name, model = find_model(settings.model, resolve)
        on_nodes = settings.model_copy(update={"model": model})
        self._count = settings.replicas
        self._ours = _connect(settings)
        self._replicas = Replicas(lambda number: RayReplica(number, on_nodes, settings.gpus), settings.replicas)
        try:
            (self._room,) = coroutines_as_finished(range(1), _first_up, self._replicas.tended, 1)
        except BaseException:
            self.close()
            raise

    def answer(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """Answer every request, as the answers come in, with enough in flight to keep all replicas full.

        Raises ExternalError if no replica is left.
        """
        return coroutines_as_finished(requests, Replicas.answer, self._replicas.tended, self._count * self._room)

    def close(self) -> None:
        """Shut the replicas down, and the cluster if it was started for this command."""
        import ray

        actors: list[Any] = self._replicas.actors
        closing = [actor.close() for actor in actors if actor.up]
        if closing:
            ray.wait(closing, num_returns=len(closing), timeout=_SHUTDOWN_SECONDS)
        for actor in actors:
            actor.kill()
        if self._ours:
            ray.shutdown()


async def _first_up(replicas: Replicas, _: int) -> int:
    return await replicas.first_up()


def _connect(settings: RayTeacher) -> bool:
    """Connect to the cluster; return False if this process was connected before. Raises InputError, ExternalError."""
    try:
        import ray
    except ModuleNotFoundError as error:
        if error.name == "ray":
            raise InputError("the ray teacher needs Ray; pip install 'infogap[ray]'") from None
        raise
    if ray.is_initialized():
        return False
    before = signal.getsignal(signal.SIGTERM)
    address = settings.address or os.environ.get("RAY_ADDRESS") or None
    try:
        if address not in {None, "local"} or not _start_local(settings, address):
            _join(address)
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)  # Ray's own handler would end the command as `exit` does
    return True


def _start_local(settings: RayTeacher, address: str | None) -> bool:
    """Start a cluster of this machine alone; return False if there is no address and the machine is in a cluster.

    Raises InputError if the machine has too few GPUs, ExternalError if Ray does not start.
    """
    import ray

    try:
        ray.init(address, num_cpus=settings.replicas, include_dashboard=False, **_QUIET)
    except ValueError:  # there is a cluster, for which num_cpus cannot be given
        return False
    except Exception as error:
        raise ExternalError(f"Ray does not start here: {type(error).__name__}: {error}") from None
    needed, there = settings.replicas * settings.gpus, ray.cluster_resources().get("GPU", 0)
    if needed > there:
        ray.shutdown()
        raise InputError(
            f"teacher.replicas: {settings.replicas} need {needed:g} GPUs, and this machine has {there:g}; for more, "
            "start Ray on every node (`ray start`) and run this on one of them"
        )
    return True


def _join(address: str | None) -> None:
    """Join an existing cluster. Raises InputError, ExternalError."""
    import ray

    parts = urlsplit(f"//{address}" if address and "://" not in address else address or "")
    if parts.scheme:
        raise InputError(f"teacher.address: {address} is not of the form host:port; run this on a node of the cluster")
    try:
        if parts.hostname and parts.port:  # Ray itself would try for minutes
            socket.create_connection((parts.hostname, parts.port), _CONNECT_SECONDS).close()
        ray.init(address, **_QUIET)
    except Exception as error:
        where = address or "that this node belongs to"
        raise ExternalError(f"teacher.address: the Ray cluster {where} cannot be joined ({error})") from None


BACKEND = RayBackend()
