"""Replicas of one model that may die: distribute requests, restart dead replicas, repeat their requests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from infogap.console import say
from infogap.errors import ExternalError
from infogap.teachers.base import Completion, Request

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
