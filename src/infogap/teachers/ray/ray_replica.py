"""One replica of a model on a Ray cluster: the part that runs on a node, and the driver's hold on it."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infogap.console import detail, say
from infogap.errors import ExternalError, InputError
from infogap.teachers.base import Completion, Request
from infogap.teachers.ray.replicas import ReplicaDiedError
from infogap.teachers.vllm.vllm_backend import VllmSettings

if TYPE_CHECKING:
    from infogap.teachers.vllm.vllm_teacher import VllmModel

_PLACED_SECONDS = 30.0  # before a message says that a replica waits for a free node
_CALLS = 100_000  # that an actor takes at once: more than any engine asks for


class OnNode:
    """The Ray actor: the engine of the vllm teacher, in a process of a node."""

    def __init__(self, settings: VllmSettings) -> None:
        self._settings = settings
        self._model: VllmModel

    async def node(self) -> str:
        """Give the node's host name."""
        return socket.gethostname()

    async def start(self) -> int:
        """Start the engine; gives how many requests keep it full. Raises InputError or ExternalError as VllmModel."""
        from infogap.teachers.vllm.vllm_teacher import VllmModel

        self._model = await asyncio.to_thread(VllmModel, self._settings, Path)
        return self._model.at_once

    async def answer(self, request: Request) -> Completion:
        """Answer a request. Raises ExternalError where the engine dies."""
        return await self._model.complete(request)

    async def close(self) -> None:
        """Shut the engine down."""
        await asyncio.to_thread(self._model.close)


class RayReplica:
    """One life of a replica: an actor that Ray places on a node with what it needs."""

    def __init__(self, number: int, settings: VllmSettings, gpus: float) -> None:
        import ray

        self._number = number
        self._gpus = gpus
        # Not restarted by Ray: it would see the end of the actor's process, but not of the engine's below it.
        options = {"num_cpus": 1, "num_gpus": gpus, "max_concurrency": _CALLS, "max_restarts": 0}
        self._actor = ray.remote(**options)(OnNode).remote(settings)
        self._node = self._actor.node.remote()
        self._started = self._actor.start.remote()
        self.up = False

    async def start(self) -> int:
        """Wait for a node, and for the engine on it. Raises InputError, ReplicaDiedError."""
        waiting = asyncio.ensure_future(_result(self._node))
        done, _ = await asyncio.wait([waiting], timeout=_PLACED_SECONDS)
        if not done:
            needs = f"a CPU and {self._gpus:g} GPUs" if self._gpus else "a CPU"
            say(f"replica {self._number} waits for a node with {needs} free", style="yellow")
        node = await waiting
        room: int = await _result(self._started)
        self.up = True
        detail(f"replica {self._number} is up on {node}")
        return room

    async def answer(self, request: Request) -> Completion:
        """Answer a request. Raises ReplicaDiedError."""
        completion: Completion = await _result(self._actor.answer.remote(request))
        return completion

    def close(self) -> Any:
        """Begin to shut the engine down; returns what can be waited for."""
        return self._actor.close.remote()

    def kill(self) -> None:
        """End the actor's process, whatever it does."""
        import ray

        ray.kill(self._actor)


async def _result(reference: Any) -> Any:
    """Wait for the result of an actor's call. Raises InputError; ReplicaDiedError where the actor or engine is gone."""
    from ray.exceptions import RayError, RayTaskError

    try:
        return await reference
    except RayTaskError as error:
        if isinstance(error.cause, ExternalError):
            reason = str(error.cause).partition("; what was finished")[0]
            raise ReplicaDiedError(reason) from None
        raise error.cause from (None if isinstance(error.cause, InputError) else error)
    except RayError as error:
        raise ReplicaDiedError(_reason(str(error))) from None


def _reason(text: str) -> str:
    """Extract the reason from what Ray says of a dead actor: a paragraph or a traceback that begins with ids."""
    last = text.rstrip().rpartition("\n")[2].strip()
    return last.partition(". ")[0].removesuffix(".") or "Ray gives no reason"
