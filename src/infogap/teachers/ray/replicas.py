"""Replicas of one model, which may die: distribute requests, restart dead replicas, repeat their requests."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from infogap.console import detail, say
from infogap.errors import ExternalError, InputError
from infogap.teachers.base import Completion, Request
from infogap.teachers.vllm.vllm_backend import VllmSettings

if TYPE_CHECKING:
    from infogap.teachers.vllm.vllm_teacher import VllmModel

STARTS = 3  # of a replica without an answer in between, until it is abandoned
DEATHS = 3  # of replicas answering one request, until the request counts as failed
FIRST_WAIT = 5.0  # seconds before a replica is restarted, so that the dead one's memory is released; grows
_PLACED_SECONDS = 30.0  # until a message says that a replica is waiting for a free node
_CALLS = 100_000  # concurrent calls of an actor: more than any engine needs


class ReplicaDiedError(Exception):
    """The replica no longer answers, for the reason that `str()` gives."""


class Actor(Protocol):
    """One life of a replica, somewhere."""

    async def start(self) -> int:
        """Wait until it can answer; return how many requests keep it busy. May be called again after a cancellation.

        Raises InputError if no replica could ever start, ReplicaDiedError.
        """

    async def answer(self, request: Request) -> Completion:
        """Answer a request. Raises ReplicaDiedError."""

    def kill(self) -> None:
        """End it at once."""


class Replicas:
    """The replicas of a model: each request goes to the least busy one, and to another one if that dies.

    A dead replica is restarted, until it has died three times without an answer in between. The state of the replicas
    outlives the event loop: they can be tended on one loop after another.
    """

    def __init__(self, begin: Callable[[int], Actor], count: int) -> None:
        """`begin` begins a life of the replica with that number."""
        self._begin_life = begin
        self._replicas = [_Replica(number) for number in range(1, count + 1)]
        self._over: Exception | None = None
        self._starting: set[asyncio.Task[None]] = set()
        self._changed: asyncio.Condition

    @property
    def actors(self) -> list[Actor]:
        """The actors that are up or starting."""
        return [replica.actor for replica in self._replicas if replica.actor is not None]

    @asynccontextmanager
    async def tended(self) -> AsyncIterator[Replicas]:
        """Start replicas that are not up, for as long as the block runs."""
        self._changed = asyncio.Condition()
        for replica in self._replicas:
            if not replica.room:
                self._begin(replica)
        try:
            yield self
        finally:
            for task in self._starting:
                task.cancel()
            await asyncio.gather(*self._starting, return_exceptions=True)

    async def first_up(self) -> int:
        """Wait for the first replica that is up; return how many requests keep it busy.

        Raises InputError if none could ever start, ExternalError if none is left.
        """
        return (await self._free()).room

    async def answer(self, request: Request) -> Completion:
        """Answer a request; it counts as failed once three replicas died while they answered it.

        Raises InputError and ExternalError as `first_up`.
        """
        why = ""
        for _ in range(DEATHS):
            replica = await self._free(taking=1)
            assert replica.actor is not None, "only replicas that are up have room"
            try:
                completion = await replica.actor.answer(request)
            except ReplicaDiedError as error:
                why = str(error)
                await self._died(replica, why)
            else:
                replica.fruitless = 0
                return completion
            finally:
                replica.in_flight -= 1
                await self._tell(1)
        return Completion.failed(request, f"{DEATHS} replicas died while they answered; the last: {why}")

    async def _free(self, taking: int = 0) -> _Replica:
        """Wait for the least busy replica with room, and count `taking` more requests in flight there."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._over or self._with_room())
            if self._over:
                raise self._over
            replica = min(self._with_room(), key=lambda replica: replica.in_flight / replica.room)
            replica.in_flight += taking
            return replica

    def _with_room(self) -> list[_Replica]:
        return [replica for replica in self._replicas if replica.in_flight < replica.room]

    async def _tell(self, waiting: int | None = None) -> None:
        async with self._changed:
            self._changed.notify(waiting) if waiting else self._changed.notify_all()

    def _begin(self, replica: _Replica) -> None:
        task = asyncio.create_task(self._start(replica))
        self._starting.add(task)
        task.add_done_callback(self._starting.discard)

    async def _start(self, replica: _Replica) -> None:
        if replica.actor is None:
            await asyncio.sleep(FIRST_WAIT * replica.fruitless)
            replica.actor = self._begin_life(replica.number)
        try:
            replica.room = await replica.actor.start()
        except ReplicaDiedError as error:
            await self._died(replica, str(error))
        except Exception as error:  # no other replica would fare better; raised where a request waits
            self._over = error
        await self._tell()

    async def _died(self, replica: _Replica, why: str) -> None:
        if replica not in self._replicas:  # another of its requests has noticed it
            return
        assert replica.actor is not None
        replica.actor.kill()
        self._replicas.remove(replica)
        if replica.fruitless + 1 < STARTS:
            say(f"{replica} died and is restarted: {why}", style="yellow")
            restarted = _Replica(replica.number, fruitless=replica.fruitless + 1)
            self._replicas.append(restarted)
            self._begin(restarted)
            return
        say(f"{replica} is abandoned: {why}", style="yellow")
        if not self._replicas:
            self._over = ExternalError(
                f"no replica of the model is left; the last one: {why}; what was finished is on disk; run again to "
                "continue"
            )
            await self._tell()


@dataclass(eq=False)
class _Replica:
    """One life of a replica and its state."""

    number: int
    actor: Actor | None = None  # None while it waits for its start
    room: int = 0  # for requests at once; 0 while it is not up
    in_flight: int = 0
    fruitless: int = 0  # consecutive earlier lives without an answer

    def __str__(self) -> str:
        return f"replica {self.number}"


class RayReplica:
    """One life of a replica: an actor that Ray places on a node with the resources that it needs."""

    def __init__(self, number: int, settings: VllmSettings, gpus: float) -> None:
        import ray

        self._number = number
        self._gpus = gpus
        # Not restarted by Ray, which would notice the end of the actor's process, but not of the engine's below it.
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
            say(f"replica {self._number} is waiting for a node with {needs} free", style="yellow")
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
        """Begin to shut the engine down; return a reference to wait for."""
        return self._actor.close.remote()

    def kill(self) -> None:
        """End the actor's process at once."""
        import ray

        ray.kill(self._actor)


async def _result(reference: Any) -> Any:
    """Wait for the result of an actor's call. Raises InputError; ReplicaDiedError if the actor or its engine died."""
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
    """Extract the reason from Ray's message on a dead actor: a paragraph or a traceback that begins with ids."""
    last = text.rstrip().rpartition("\n")[2].strip()
    return last.partition(". ")[0].removesuffix(".") or "Ray gives no reason"


class OnNode:
    """The Ray actor: the engine of the vllm teacher, in a process of a node."""

    def __init__(self, settings: VllmSettings) -> None:
        self._settings = settings
        self._model: VllmModel

    async def node(self) -> str:
        """Return the node's host name."""
        return socket.gethostname()

    async def start(self) -> int:
        """Start the engine; return how many requests keep it full. Raises InputError or ExternalError as VllmModel."""
        from infogap.teachers.vllm.vllm_teacher import VllmModel

        self._model = await asyncio.to_thread(VllmModel, self._settings, Path)
        return self._model.at_once

    async def answer(self, request: Request) -> Completion:
        """Answer a request. Raises ExternalError if the engine dies."""
        return await self._model.complete(request)

    async def close(self) -> None:
        """Shut the engine down."""
        await asyncio.to_thread(self._model.close)
