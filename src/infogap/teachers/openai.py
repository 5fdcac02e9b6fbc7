"""The openai teacher: one server or a fleet of them that speak the OpenAI chat-completions protocol."""

from __future__ import annotations

import logging
import os
import random
from collections.abc import Iterable, Iterator
from types import SimpleNamespace
from urllib.parse import urlsplit

import aiohttp
import stamina

from infogap.errors import UserError, WorldError
from infogap.recipe.teacher import OpenAITeacher
from infogap.teachers import chat
from infogap.teachers.base import Completion, Request
from infogap.teachers.chat import PassingError, RefusedError
from infogap.teachers.fleet import Fleet, Server
from infogap.teachers.in_flight import as_finished

FAILURES_IN_A_ROW = 32
FIRST_WAIT = 1.0  # seconds before the second attempt; doubles with every further one
LONGEST_WAIT = 60.0
_CONNECT_SECONDS = 30.0
_KEEP_ALIVE_SECONDS = 4.0  # servers on uvicorn, such as vLLM's, close an idle connection after 5

_NO_CONNECTION = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)

# stamina logs every retry as a warning, which Python prints to stderr where logging is not set up.
logging.getLogger("stamina").addHandler(logging.NullHandler())


class _UnreachableError(PassingError):
    """No connection to any of the servers."""


class OpenAIServers:
    """A teacher that asks servers over HTTP, many requests at once."""

    def __init__(self, settings: OpenAITeacher) -> None:
        """Raises UserError where a URL is none or the key's environment variable is not set."""
        for url in settings.base_url:
            if urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname:
                raise UserError(f"teacher.base_url: {url} is not a URL such as http://localhost:8000/v1")
        self.name = settings.model
        self._settings = settings
        self._headers = {"Content-Type": "application/json"} | _authorization(settings)
        self._fleet = Fleet(settings.base_url)
        self._failures_in_a_row = 0

    def answer(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """Answer every request, as the answers come in; at most `concurrency` are in flight.

        Raises WorldError where no server answers, one refuses the key or does not know the model, or
        requests keep failing without a success between them.
        """
        return as_finished(requests, self._complete, self._session, self._settings.concurrency)

    def close(self) -> None:
        """Nothing is held between calls of `answer`."""

    def _session(self) -> aiohttp.ClientSession:
        total = self._settings.timeout
        tracing = aiohttp.TraceConfig()
        tracing.on_connection_create_end.append(self._connected)
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_ALIVE_SECONDS),
            timeout=aiohttp.ClientTimeout(total=total, sock_connect=min(total, _CONNECT_SECONDS)),
            headers=self._headers,
            cookie_jar=aiohttp.DummyCookieJar(),
            trace_configs=[tracing],
        )

    async def _connected(self, _session: aiohttp.ClientSession, context: SimpleNamespace, _: object) -> None:
        """A server that was left out is back with its first connection, minutes before its first answer."""
        self._fleet.take_back(context.trace_request_ctx)

    async def _complete(self, session: aiohttp.ClientSession, request: Request) -> Completion:
        """Ask until there is an answer, at most `attempts` times."""
        retrying = stamina.retry_context(
            on=self._may_pass,
            attempts=self._settings.attempts,
            timeout=None,
            wait_initial=FIRST_WAIT,
            wait_max=LONGEST_WAIT,
            wait_jitter=FIRST_WAIT,
        )
        failed_at: list[Server] = []
        try:
            async for attempt in retrying:
                with attempt:
                    completion = await self._attempt(session, request, failed_at)
        except RefusedError as error:
            return Completion.failed(request, str(error))
        except _UnreachableError as error:
            raise WorldError(
                f"no server answers at {self._fleet} ({error}); what was finished is on disk; run again to continue"
            ) from None
        except PassingError as error:
            self._failures_in_a_row += 1
            if self._failures_in_a_row >= FAILURES_IN_A_ROW:
                raise WorldError(
                    f"{FAILURES_IN_A_ROW} requests in a row failed, each {self._settings.attempts} times; the last: "
                    f"{error}; what was finished is on disk; run again to continue"
                ) from None
            return Completion.failed(request, f"{error} ({self._settings.attempts} attempts)")
        self._failures_in_a_row = 0
        return completion

    def _may_pass(self, error: Exception) -> bool | float:
        """Whether to try again; as a number, how many seconds later."""
        if not isinstance(error, PassingError):
            return False
        if error.retry_after is None:
            return True
        return min(error.retry_after, self._settings.timeout) + random.uniform(0, FIRST_WAIT)

    async def _attempt(self, session: aiohttp.ClientSession, request: Request, failed_at: list[Server]) -> Completion:
        """Ask the least busy server; where it cannot be reached, the next one.

        A server that fails is noted in `failed_at` and asked last from then on: one that fails fast is
        the least busy of all and would draw every attempt.
        """
        tried: list[Server] = []
        why = ""
        while (server := self._fleet.choose(tried, failed_at)) is not None:
            try:
                return await self._post(session, server, request)
            except _NO_CONNECTION as error:
                self._fleet.leave_out(server)
                tried.append(server)
                why = str(error)
            except PassingError:
                failed_at.append(server)
                raise
        raise _UnreachableError(why)

    async def _post(self, session: aiohttp.ClientSession, server: Server, request: Request) -> Completion:
        server.in_flight += 1
        try:
            async with session.post(
                f"{server.url}/chat/completions",
                data=chat.body(self._settings, request),
                allow_redirects=False,
                trace_request_ctx=server,
            ) as reply:
                self._fleet.take_back(server)
                payload = await reply.read()
        except _NO_CONNECTION:
            raise
        except TimeoutError:
            raise PassingError(f"{server.url} gave no answer within {self._settings.timeout:g} s") from None
        except aiohttp.ClientError as error:
            raise PassingError(f"{server.url} dropped the connection: {error or type(error).__name__}") from error
        finally:
            server.in_flight -= 1
        return chat.read(self._settings, request, server.url, reply.status, reply.headers, payload)


def _authorization(settings: OpenAITeacher) -> dict[str, str]:
    if settings.api_key_env is None:
        return {}
    key = os.environ.get(settings.api_key_env, "").strip()
    if not key:
        raise UserError(f"teacher.api_key_env: the environment variable {settings.api_key_env} is not set")
    return {"Authorization": f"Bearer {key}"}
