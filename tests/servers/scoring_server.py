"""vLLM's protocol for scoring, in front of a model that the tests work out themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

Logprobs = Callable[[list[int], list[int]], NDArray[np.float64]]
Ranks = Callable[[list[int], list[int]], list[int]]


class ScoringServer:
    """Tokens are bytes, and a chat's prompt its messages in brackets. `app` is to be served."""

    def __init__(
        self,
        logprobs: Logprobs,
        ranks: Ranks | None = None,
        *,
        template_end: str = "",
        able: bool = True,
        off: int = 0,
    ) -> None:
        """Without `ranks` it says none. `template_end` ends every prompt; a server that is not `able` leaves the
        probabilities of prompts out, one that is `off` speaks of other tokens than those that it was sent."""
        self._logprobs = logprobs
        self._ranks = ranks
        self._end = template_end
        self._able = able
        self._off = off
        self.asked: list[str] = []
        routes = {
            "/tokenize": self._tokenize,
            "/detokenize": self._detokenize,
            "/v1/completions": self._complete,
        }
        self.app = Starlette(routes=[Route(path, answer, methods=["POST"]) for path, answer in routes.items()])

    async def _tokenize(self, request: Request) -> Response:
        body = await self._body(request)
        if "messages" in body:
            text = "".join(f"[{message['content']}]" for message in body["messages"]) + self._end
        else:
            text = body["prompt"]
        return JSONResponse({"tokens": list(text.encode())})

    async def _detokenize(self, request: Request) -> Response:
        body = await self._body(request)
        return JSONResponse({"prompt": bytes(body["tokens"]).decode()})

    async def _complete(self, request: Request) -> Response:
        body = await self._body(request)
        tokens: list[int] = body["prompt"]
        places: list[Any] = [None]
        ranks = [None] * (len(tokens) - 1) if self._ranks is None else self._ranks(tokens[:1], tokens[1:])
        for token, logprob, rank in zip(tokens[1:], self._logprobs(tokens[:1], tokens[1:]), ranks, strict=True):
            piece = bytes([token]).decode(errors="replace")
            places.append({str(token + self._off): {"logprob": float(logprob), "rank": rank, "decoded_token": piece}})
        choice = {"text": "", "finish_reason": "length"} | ({"prompt_logprobs": places} if self._able else {})
        return JSONResponse({"choices": [choice]})

    async def _body(self, request: Request) -> dict[str, Any]:
        self.asked.append(request.url.path)
        body: dict[str, Any] = orjson.loads(await request.body())
        return body
