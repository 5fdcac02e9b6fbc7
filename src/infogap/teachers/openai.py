"""The openai teacher: one server or a fleet of them that speak the OpenAI chat-completions protocol."""

from __future__ import annotations

import logging
import os
import random
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, closing
from types import SimpleNamespace

import aiohttp
import stamina

from infogap.errors import UserError, WorldError
from infogap.recipe.teacher import OpenAITeacher
from infogap.teachers import chat
from infogap.teachers.base import Completion, Request
from infogap.teachers.context import Context
from infogap.teachers.fleet import Fleet, Server
from infogap.teachers.in_flight import as_finished
from infogap.teachers.refusals import PassingError, RefusedError, UnusableError, shortened

FAILURES_IN_A_ROW = 32  # besides those that were in flight together: one outage hits them all
FIRST_WAIT = 1.0  # seconds before the second attempt; doubles with every further one
LONGEST_WAIT = 60.0
_CONNECT_SECONDS = 30.0
_OTHER_FILES = 256  # open besides the connections, at most
_KEEP_ALIVE_SECONDS = 4.0  # servers on uvicorn, such as vLLM's, close an idle connection after 5

_NO_CONNECTION = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)

# stamina logs every retry as a warning, which Python prints to stderr where logging is not set up.
logging.getLogger("stamina").addHandler(logging.NullHandler())

_Line = tuple[aiohttp.ClientSession, Context]


class _UnreachableError(PassingError):
    """No connection to any of the servers."""


class OpenAIServers:
    """A teacher that asks servers over HTTP, many requests at once."""

    def __init__(self, settings: OpenAITeacher) -> None:
        """Raises UserError where the key's environment variable is not set."""
        self.name = settings.model
        self._settings = settings
        self._headers = {"Content-Type": "application/json"} | _authorization(settings)
        self._fleet = Fleet(settings.base_url)

    def answer(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """Answer every request, as the answers come in; at most `concurrency` are in flight.

        Failed requests are held back until an answer shows that the servers work. Raises WorldError where no
        server answers, all refuse the key or do not know the model, or requests keep failing without an
        answer between them: those failures are then of the servers, and the requests count as not asked.
        """
        held: list[Completion] = []
        with closing(as_finished(requests, self._complete, self._line, self._settings.concurrency)) as completions:
            for completion in completions:
                if completion.finish_reason == "error":
                    held.append(completion)
                    self._give_up_after(held)
                    continue
                if completion.error is None:
                    yield from held
                    held.clear()
                yield completion
        yield from held

    def close(self) -> None:
        """Nothing is held between calls of `answer`."""

    def _give_up_after(self, failed: list[Completion]) -> None:
        if len(failed) >= FAILURES_IN_A_ROW + self._settings.concurrency:
            raise WorldError(
                f"{len(failed)} requests in a row failed; the last: {failed[-1].error}; what was finished is on disk; "
                "mend what it says and run again to continue"
            )

    @asynccontextmanager
    async def _line(self) -> AsyncIterator[_Line]:
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
            yield session, await Context.learn(self._settings, self._fleet, session)

    async def _connected(self, _session: aiohttp.ClientSession, context: SimpleNamespace, _: object) -> None:
        if context.trace_request_ctx is not None:
            self._fleet.connected(context.trace_request_ctx)

    async def _complete(self, line: _Line, request: Request) -> Completion:
        """The answer, or why there is none after `attempts` of them."""
        session, context = line
        try:
            await context.check(session, request)
            return await self._persist(session, request)
        except RefusedError as error:
            return Completion.failed(request, str(error), error.reason)
        except (_UnreachableError, UnusableError) as error:
            what = "no server answers" if isinstance(error, _UnreachableError) else "no server takes requests"
            raise WorldError(
                f"{what} at {self._fleet} ({error}); what was finished is on disk; run again to continue"
            ) from None
        except PassingError as error:
            return Completion.failed(request, f"{error} ({self._settings.attempts} attempts)")

    async def _persist(self, session: aiohttp.ClientSession, request: Request) -> Completion:
        """Ask until there is an answer, at most `attempts` times."""
        failed_at: list[Server] = []
        try:
            return await self._attempt(session, request, failed_at)
        except PassingError as error:
            first = error
        # Set up where it is needed: it takes longer than all the rest that infogap does for a request.
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
                return await self._attempt(session, request, failed_at)
        raise AssertionError("the last attempt returns or raises")

    def _may_pass(self, error: Exception) -> bool | float:
        """Whether to try again; as a number, how many seconds later."""
        if not isinstance(error, PassingError):
            return False
        if error.retry_after is None:
            return True
        return min(error.retry_after, self._settings.timeout) + random.uniform(0, FIRST_WAIT)

    async def _attempt(self, session: aiohttp.ClientSession, request: Request, failed_at: list[Server]) -> Completion:
        """Ask the least busy server; where it cannot be reached or takes no request, the next one.

        A server that fails is noted in `failed_at` and asked last from then on: one that fails fast is
        the least busy of all and would draw every attempt.
        """
        tried: list[Server] = []
        unreachable, unusable = "", ""
        while (server := self._fleet.choose(tried, failed_at)) is not None:
            try:
                completion = await self._post(session, server, request)
            except _NO_CONNECTION as error:
                unreachable = str(error)
                self._fleet.unreachable(server, unreachable)
                tried.append(server)
            except UnusableError as error:
                unusable = str(error)
                self._fleet.unusable(server, unusable)
                tried.append(server)
            except PassingError as error:
                failed_at.append(server)
                self._fleet.failed(server, str(error))
                raise
            except RefusedError:
                self._fleet.answered(server)
                raise
            else:
                self._fleet.answered(server)
                return completion
        raise _UnreachableError(unreachable) if unreachable else UnusableError(unusable)

    async def _post(self, session: aiohttp.ClientSession, server: Server, request: Request) -> Completion:
        server.in_flight += 1
        try:
            async with session.post(
                f"{server.url}/chat/completions",
                data=chat.body(self._settings, request),
                allow_redirects=False,
                trace_request_ctx=server,
            ) as reply:
                payload = await reply.read()
        except _NO_CONNECTION:
            raise
        except TimeoutError:
            raise PassingError(f"{server.url} gave no answer within {self._settings.timeout:g} s") from None
        except (aiohttp.ClientError, OSError) as error:
            why = shortened(str(error)) or type(error).__name__
            raise PassingError(f"{server.url} dropped the connection: {why}") from error
        finally:
            server.in_flight -= 1
        return chat.read(self._settings, request, server.url, reply.status, reply.headers, payload)


def _allow_sockets(count: int) -> None:
    """Raise this process's limit of open files, which often is 1,024, as far as the system lets it."""
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
        raise UserError(f"teacher.api_key_env: the environment variable {settings.api_key_env} is not set")
    return {"Authorization": f"Bearer {key}"}
