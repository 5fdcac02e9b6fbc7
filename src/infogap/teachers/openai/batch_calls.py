"""Single calls to a server's batch endpoints, each made again if it fails: JSON, and files of any size."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson
import stamina

from infogap.errors import ExternalError
from infogap.parallel.coroutines import coroutines_as_finished
from infogap.teachers.batch_service import NoAnswerError
from infogap.teachers.openai import http_servers
from infogap.teachers.openai.http_errors import (
    PassingError,
    RefusedError,
    UnusableError,
    message_in,
    refusal,
    shortened,
)
from infogap.teachers.openai.openai_backend import OpenAITeacher
from infogap.teachers.openai.server_models import advice

_CONNECT_SECONDS = 30.0
_CHUNK = 1 << 20  # bytes of a download at a time

Reading = Callable[[aiohttp.ClientResponse], Awaitable[Any]]


class AbsentError(Exception):
    """The server has nothing at this path."""


@dataclass(frozen=True)
class Call:
    """One call, which is made again if it fails; `read` reads a reply with status 200."""

    method: str
    path: str
    read: Reading
    body: Callable[[], tuple[Any, dict[str, str]]] = lambda: (None, {})  # the data and its headers, for each attempt
    query: dict[str, str] = field(default_factory=dict)
    may_be_absent: frozenset[int] = frozenset()  # statuses that raise AbsentError
    once: bool = False
    of_file: bool = False  # large: only a silence of `timeout` seconds ends it
    redirects: bool = False  # only for contents: some providers keep files elsewhere


class BatchEndpoints:
    """The batch endpoints of one server, for one call at a time. Does not need the key before the first one."""

    def __init__(self, settings: OpenAITeacher) -> None:
        self.server = settings.base_url[0].rstrip("/")
        self._settings = settings
        self._patience = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS, sock_read=settings.timeout)

    def request(self, call: Call) -> Any:
        """Make a call on an event loop of its own, and return what it reads.

        Raises AbsentError, NoAnswerError, or ExternalError if the server refuses the call.
        """
        with closing(coroutines_as_finished([call], self._persist, self._session, 1)) as results:
            return next(results)

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[aiohttp.ClientSession]:
        async with self._servers().session() as session:
            yield session

    def _servers(self) -> http_servers.Servers:
        return http_servers.Servers(self._settings)

    async def _persist(self, session: aiohttp.ClientSession, call: Call) -> Any:
        try:
            async for attempt in stamina.retry_context(
                on=self._may_pass,
                attempts=1 if call.once else self._settings.attempts,
                timeout=None,
                wait_initial=http_servers.FIRST_WAIT,
                wait_max=http_servers.LONGEST_WAIT,
                wait_jitter=http_servers.FIRST_WAIT,
            ):
                with attempt:
                    return await self._attempt(session, call)
        except _TooManyError as error:
            raise NoAnswerError(str(error), refused=True) from None
        except PassingError as error:
            raise NoAnswerError(str(error)) from None
        except RefusedError as error:
            raise ExternalError(str(error)) from None
        except UnusableError as error:
            hint = await advice(error, self._settings, self._servers().fleet, session)
            raise ExternalError(f"{error}{f'; {hint}' if hint else ''}; run again to continue") from None
        raise AssertionError("the last attempt returns or raises")

    def _may_pass(self, error: Exception) -> bool | float:
        """Decide whether to try again; a number is the seconds to wait before."""
        if not isinstance(error, PassingError):
            return False
        return True if error.retry_after is None else min(error.retry_after, self._settings.timeout)

    async def _attempt(self, session: aiohttp.ClientSession, call: Call) -> Any:
        data, headers = call.body()
        url = f"{self.server}/{call.path}"
        try:
            async with session.request(
                call.method,
                url,
                data=data,
                headers=headers,
                params=call.query,
                allow_redirects=call.redirects,
                timeout=self._patience if call.of_file else session.timeout,
            ) as reply:
                if reply.status in (200, 201):
                    return await call.read(reply)
                payload = await reply.read()
                if reply.status in call.may_be_absent:
                    raise AbsentError(f"{url} answered {reply.status}: {message_in(payload)}")
                error = refusal(url, reply.status, reply.headers, payload)
                if reply.status == 429 and isinstance(error, PassingError):
                    raise _TooManyError(str(error), error.retry_after)
                raise error
        except TimeoutError:
            raise PassingError(f"{url} gave no answer within {self._settings.timeout:g} s") from None
        except aiohttp.ClientConnectorError as error:
            raise PassingError(f"no connection to {url}: {error}") from error
        except aiohttp.ClientError as error:
            raise PassingError(f"{url} dropped the connection: {shortened(str(error)) or error!r}") from error


class _TooManyError(PassingError):
    """Status 429: the server did nothing."""


async def next_chunk(reply: aiohttp.ClientResponse) -> bytes:
    """Return the next bytes of a reply; empty at its end. A connection that ends early raises PassingError."""
    try:
        return await reply.content.read(_CHUNK)
    except (aiohttp.ClientError, OSError) as error:  # not to be taken for an error of the disk
        raise PassingError(f"{reply.url} dropped the connection: {shortened(str(error)) or error!r}") from error


async def json_object(reply: aiohttp.ClientResponse) -> dict[str, Any]:
    payload = await reply.read()
    try:
        said = orjson.loads(payload)
    except orjson.JSONDecodeError:
        raise PassingError(f"{reply.url} sent invalid JSON: {message_in(payload)}") from None
    if not isinstance(said, dict):
        raise PassingError(f"{reply.url} sent no object: {message_in(payload)}")
    return said
