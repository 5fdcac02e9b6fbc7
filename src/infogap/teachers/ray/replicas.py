"""Replicas of one model that may die: distribute requests, restart dead replicas, repeat their requests."""

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


STARTS = 3  # of a replica without an answer between them, until it is given up
DEATHS = 3  # of replicas under one request, until the request counts as failed
FIRST_WAIT = 5.0  # seconds before a replica is started anew, for the dead one's memory to be given back; grows


class ReplicaDiedError(Exception):
    """The replica answers nothing any more, for the reason that `str()` gives."""


class Actor(Protocol):
    """One life of a replica, somewhere."""

    async def start(self) -> int:
        """Wait until it can answer; returns how many requests keep it busy. May be called again after a cancellation.

        Raises InputError where no replica could start, ReplicaDiedError.
        """

    async def answer(self, request: Request) -> Completion:
        """Answer a request. Raises ReplicaDiedError."""

    def kill(self) -> None:
        """End it, whatever state it is in."""


@dataclass(eq=False)
class _Replica:
    """One life of a replica and its state."""

    number: int
    actor: Actor | None = None  # None while it waits for its start
    room: int = 0  # requests that it takes at once; 0 while it is not up
    in_flight: int = 0
    fruitless: int = 0  # lives before this one without an answer

    def __str__(self) -> str:
        return f"replica {self.number}"


class Replicas:
    """The replicas of a model: each request goes to the least busy one, and to another where that one dies.

    A dead replica is started anew, until it dies three times without an answer between. What is known of
    them outlives the event loop: they are tended on one loop after the other.
    """

    def __init__(self, hire: Callable[[int], Actor], count: int) -> None:
        """`hire` begins a life of the replica with that number."""
        self._hire = hire
        self._replicas = [_Replica(number) for number in range(1, count + 1)]
        self._over: Exception | None = None
        self._starting: set[asyncio.Task[None]] = set()
        self._changed: asyncio.Condition

    @property
    def actors(self) -> list[Actor]:
        """Those that are up or starting."""
        return [replica.actor for replica in self._replicas if replica.actor is not None]

    @asynccontextmanager
    async def tended(self) -> AsyncIterator[Replicas]:
        """Start what is not up, for as long as the block runs."""
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
        """Wait for the first one that is up; returns how many requests keep it busy.

        Raises InputError where none could ever start, ExternalError where none is left.
        """
        return (await self._free()).room

    async def answer(self, request: Request) -> Completion:
        """Answer a request; where the third replica dies of it, it is a failed one.

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
            replica.actor = self._hire(replica.number)
        try:
            replica.room = await replica.actor.start()
        except ReplicaDiedError as error:
            await self._died(replica, str(error))
        except Exception as error:  # no other replica would fare better; raised where somebody waits
            self._over = error
        await self._tell()

    async def _died(self, replica: _Replica, why: str) -> None:
        if replica not in self._replicas:  # another of its requests has noticed it
            return
        assert replica.actor is not None
        replica.actor.kill()
        self._replicas.remove(replica)
        if replica.fruitless + 1 < STARTS:
            say(f"{replica} died and is started anew: {why}", style="yellow")
            anew = _Replica(replica.number, fruitless=replica.fruitless + 1)
            self._replicas.append(anew)
            self._begin(anew)
            return
        say(f"{replica} is given up: {why}", style="yellow")
        if not self._replicas:
            self._over = ExternalError(
                f"no replica of the model is left; the last one: {why}; what was finished is on disk; run again to "
                "continue"
            )
            await self._tell()
