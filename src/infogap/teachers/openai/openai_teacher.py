"""The openai teacher: one server or several that speak the OpenAI chat-completions protocol."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, closing

import aiohttp

from infogap.errors import ExternalError
from infogap.parallel.coroutines import coroutines_as_finished
from infogap.teachers.base import Completion, Request
from infogap.teachers.openai import chat_protocol as chat
from infogap.teachers.openai.http_errors import PassingError, RefusedError
from infogap.teachers.openai.http_servers import Servers
from infogap.teachers.openai.openai_backend import OpenAITeacher
from infogap.teachers.openai.prompt_length import Context

FAILURES_IN_A_ROW = 32  # besides those in flight together, which all fail in one outage

_Line = tuple[aiohttp.ClientSession, Context]


class OpenAIServers:
    """A teacher behind HTTP servers, many requests at once."""

    def __init__(self, settings: OpenAITeacher) -> None:
        """Raise InputError if the key's environment variable is not set."""
        self.name = settings.model
        self._settings = settings
        self._servers = Servers(settings)

    def answer(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """Answer every request, as the answers come in; at most `concurrency` are in flight.

        Failed requests are held back until an answer shows that the servers work. Raises ExternalError if no server
        answers, all refuse the key or do not know the model, or requests keep failing without an answer in between:
        then the servers are at fault, and the requests count as not sent.
        """
        held: list[Completion] = []
        with closing(
            coroutines_as_finished(requests, self._complete, self._line, self._settings.concurrency)
        ) as completions:
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
            raise ExternalError(
                f"{len(failed)} requests in a row failed; the last: {failed[-1].error}; what was finished is on disk; "
                "fix this and run again to continue"
            )

    @asynccontextmanager
    async def _line(self) -> AsyncIterator[_Line]:
        async with self._servers.session() as session:
            yield session, await Context.learn(self._settings, self._servers.fleet, session)

    async def _complete(self, line: _Line, request: Request) -> Completion:
        """Request the answer; after `attempts` failures, return a completion with the last error."""
        session, context = line

        def read(url: str, status: int, headers: Mapping[str, str], payload: bytes) -> Completion:
            return chat.read(self._settings, request, url, status, headers, payload)

        try:
            await context.check(session, request)
            return await self._servers.post(session, "chat/completions", chat.body(self._settings, request), read)
        except RefusedError as error:
            return Completion.failed(request, str(error), error.reason)
        except PassingError as error:
            return Completion.failed(request, f"{error} ({self._settings.attempts} attempts)")
