"""Send requests to servers over HTTP, each to the least busy server, with retries."""

from __future__ import annotations

import logging
import os
import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import TypeVar

import aiohttp
import stamina

from infogap.errors import ExternalError, InputError
from infogap.teachers.openai.http_errors import PassingError, RefusedError, UnusableError, shortened
from infogap.teachers.openai.load_balancer import Fleet, Server
from infogap.teachers.openai.openai_backend import OpenAITeacher
from infogap.teachers.openai.server_models import advice

FIRST_WAIT = 1.0  # seconds before the second attempt; doubles with every further one
LONGEST_WAIT = 60.0
_CONNECT_SECONDS = 30.0
_OTHER_FILES = 256  # open files besides the connections, at most
_KEEP_ALIVE_SECONDS = 4.0  # servers on uvicorn, such as vLLM's, close an idle connection after 5

_NO_CONNECTION = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)

# stamina logs every retry as a warning, which Python prints to stderr unless logging is set up.
logging.getLogger("stamina").addHandler(logging.NullHandler())

Result = TypeVar("Result")
Reader = Callable[[str, int, Mapping[str, str], bytes], Result]
"""Reads a reply, given the server's URL, the status, the headers and the body.

Raises PassingError or RefusedError, or UnusableError if the server accepts no request at all.
"""


class _UnreachableError(PassingError):
    """No connection to any of the servers."""


class Servers:
    """The servers of a recipe's model."""

    def __init__(self, settings: OpenAITeacher) -> None:
        """Raise InputError if the key's environment variable is not set."""
        self.fleet = Fleet(settings.base_url)
        self._settings = settings
        self._headers = {"Content-Type": "application/json"} | _authorization(settings)

    @asynccontextmanager
    async def session(self) -> AsyncIterator[aiohttp.ClientSession]:
        """Keep connections open for as many requests in flight as the recipe allows."""
        _allow_sockets(self._settings.concurrency)
        total = self._settings.timeout
        tracing = aiohttp.TraceConfig()
        tracing.on_connection_create_end.append(self._connected)
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_ALIVE_SECONDS),
            timeout=aiohttp.ClientTimeout(total=total, sock_connect=min(total, _CONNECT_SECONDS)),
            headers=self._headers,
            cookie_jar=aiohttp.DummyCookieJar(),
            trace_configs=[tracing],
        ) as session:
            yield session

    async def post(self, session: aiohttp.ClientSession, path: str, body: bytes, read: Reader[Result]) -> Result:
        """Post a body to `path`, below a server's URL with its /v1, and read the reply; try at most `attempts` times.

        Raises RefusedError if the servers refuse this request, PassingError if every attempt failed, ExternalError if
        no server can be reached or accepts any request.
        """
        try:
            return await self._persist(session, path, body, read)
        except (_UnreachableError, UnusableError) as error:
            what, hint = "no server answers", None
            if isinstance(error, UnusableError):
                what, hint = "no server accepts requests", await advice(error, self._settings, self.fleet, session)
            raise ExternalError(
                f"{what} at {self.fleet} ({error}); {f'{hint}; ' if hint else ''}what was finished is on disk; "
                "run again to continue"
            ) from None

    async def _connected(self, _session: aiohttp.ClientSession, context: SimpleNamespace, _: object) -> None:
        if context.trace_request_ctx is not None:
            self.fleet.connected(context.trace_request_ctx)

    async def _persist(self, session: aiohttp.ClientSession, path: str, body: bytes, read: Reader[Result]) -> Result:
        failed_at: list[Server] = []
        try:
            return await self._attempt(session, path, body, read, failed_at)
        except PassingError as error:
            first = error
        # Only after a failure: setting up retries takes longer than everything else that infogap does for a request.
        async for attempt in stamina.retry_context(
            on=self._may_pass,
            attempts=self._settings.attempts,
            timeout=None,
            wait_initial=FIRST_WAIT,
            wait_max=LONGEST_WAIT,
            wait_jitter=FIRST_WAIT,
        ):
            with attempt:
                if attempt.num == 1:
                    raise first
                return await self._attempt(session, path, body, read, failed_at)
        raise AssertionError("the last attempt returns or raises")

    def _may_pass(self, error: Exception) -> bool | float:
        """Decide whether to try again; a number is the seconds to wait before."""
        if not isinstance(error, PassingError):
            return False
        if error.retry_after is None:
            return True
        return min(error.retry_after, self._settings.timeout) + random.uniform(0, FIRST_WAIT)

    async def _attempt(
        self,
        session: aiohttp.ClientSession,
        path: str,
        body: bytes,
        read: Reader[Result],
        failed_at: list[Server],
    ) -> Result:
        """Send to the least busy server; if it cannot be reached or accepts no request, to the next one.

        A server that fails is added to `failed_at` and tried last from then on: one that fails fast is the least busy
        of all, and would attract every attempt.
        """
        tried: list[Server] = []
        unreachable, unusable = "", UnusableError("")
        while (server := self.fleet.choose(tried, failed_at)) is not None:
            try:
                result = read(server.url, *await self._send(session, server, path, body))
            except _NO_CONNECTION as error:
                unreachable = str(error)
                self.fleet.unreachable(server, unreachable)
                tried.append(server)
            except UnusableError as error:
                unusable = error
                self.fleet.unusable(server, str(error))
                tried.append(server)
            except PassingError as error:
                failed_at.append(server)
                self.fleet.failed(server, str(error))
                raise
            except RefusedError:
                self.fleet.answered(server)
                raise
            else:
                self.fleet.answered(server)
                return result
        raise _UnreachableError(unreachable) if unreachable else unusable

    async def _send(
        self, session: aiohttp.ClientSession, server: Server, path: str, body: bytes
    ) -> tuple[int, Mapping[str, str], bytes]:
        server.in_flight += 1
        try:
            async with session.post(
                f"{server.url}/{path}",
                data=body,
                allow_redirects=False,
                trace_request_ctx=server,
            ) as reply:
                return reply.status, reply.headers, await reply.read()
        except _NO_CONNECTION:
            raise
        except TimeoutError:
            raise PassingError(f"{server.url} gave no answer within {self._settings.timeout:g} s") from None
        except (aiohttp.ClientError, OSError) as error:
            why = shortened(str(error)) or type(error).__name__
            raise PassingError(f"{server.url} dropped the connection: {why}") from error
        finally:
            server.in_flight -= 1


def _allow_sockets(count: int) -> None:
    """Raise this process's limit of open files, often 1,024, as far as the system allows."""
    try:
        import resource
    except ImportError:  # no such limit on this system
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count + _OTHER_FILES
    if soft < wanted and soft != resource.RLIM_INFINITY:
        resource.setrlimit(
            resource.RLIMIT_NOFILE, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard)
        )


def _authorization(settings: OpenAITeacher) -> dict[str, str]:
    if settings.api_key_env is None:
        return {}
    key = os.environ.get(settings.api_key_env, "").strip()
    if not key:
        raise InputError(f"teacher.api_key_env: the environment variable {settings.api_key_env} is not set")
    return {"Authorization": f"Bearer {key}"}
