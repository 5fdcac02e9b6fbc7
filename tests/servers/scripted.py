"""A chat-completions server whose answers and failures are known beforehand."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from infogap.ids import canonical, digest

Body = dict[str, Any]
Reply = Callable[[], Awaitable[Response]]
Script = Callable[[Body, int], Reply | None]
"""What to do with a body that came so many times before; None answers it."""


class ScriptedServer:
    """Answers every request with a digest of its body, unless the script says otherwise. `app` is to be served."""

    def __init__(self, script: Script | None = None, seconds: float = 0.0) -> None:
        """`seconds`: how long an answer takes."""
        self._script = script
        self._seconds = seconds
        self._lock = threading.Lock()
        self._asked: Counter[bytes] = Counter()
        self.bodies: list[Body] = []  # in the order in which they came
        self.headers: list[dict[str, str]] = []
        self.in_flight = 0
        self.most_in_flight = 0
        self.cancelled = 0
        self.app = Starlette(routes=[Route("/v1/chat/completions", self._chat, methods=["POST"])])

    async def _chat(self, request: Request) -> Response:
        body = orjson.loads(await request.body())
        with self._lock:
            before = self._asked[canonical(body)]
            self._asked[canonical(body)] += 1
            self.bodies.append(body)
            self.headers.append(dict(request.headers))
            self.in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            reply = self._script(body, before) if self._script else None
            if reply is not None:
                return await reply()
            await asyncio.sleep(self._seconds)
            return completion(answer_to(body))
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            with self._lock:
                self.in_flight -= 1


def answer_to(body: Body) -> str:
    """The text with which a body is answered."""
    return digest(body)[:16]


def completion(content: str | None, reason: str | None = "stop", **message: str) -> Response:
    """A whole reply around a message."""
    return JSONResponse(
        {
            "object": "chat.completion",
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": content, **message},
                    "finish_reason": reason,
                }
            ],
            "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18},
        }
    )


def failing(status: int, message: str = "out of order", **headers: str) -> Reply:
    """An HTTP error, in the form of the OpenAI API."""

    async def reply() -> Response:
        return JSONResponse({"error": {"message": message}}, status, headers)

    return reply


def saying(payload: bytes) -> Reply:
    """Status 200 with whatever bytes."""

    async def reply() -> Response:
        return Response(payload, media_type="application/json")

    return reply


def hanging(seconds: float = 60.0) -> Reply:
    """No answer before the client gives up."""

    async def reply() -> Response:
        await asyncio.sleep(seconds)
        return completion("too late")

    return reply


def resetting(*, chunked: bool = False) -> Reply:
    """Half an answer, then the connection is cut; `chunked`: nothing had said how long it would be."""

    async def half() -> AsyncIterator[bytes]:
        yield b'{"choices": [{"mess'
        await asyncio.sleep(0.01)
        raise ConnectionResetError

    async def reply() -> Response:
        headers = {} if chunked else {"Content-Length": "1000"}
        return StreamingResponse(half(), headers=headers, media_type="application/json")

    return reply


def replying(response: Response) -> Reply:
    """This response."""

    async def reply() -> Response:
        return response

    return reply
