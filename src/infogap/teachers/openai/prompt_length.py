"""Whether a prompt fits into the servers' context, found out before it is sent."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import orjson

from infogap.errors import UserError
from infogap.teachers.base import Request
from infogap.teachers.openai.http_errors import RefusedError
from infogap.teachers.openai.load_balancer import Fleet
from infogap.teachers.openai.openai_backend import OpenAITeacher

TEMPLATE_TOKENS = 256  # what a chat template adds to a prompt, at most
_SECONDS = 10.0  # for a question about a server or a prompt: without an answer, work goes on
_NO_ANSWER = (aiohttp.ClientError, OSError, ValueError)  # TimeoutError is an OSError, invalid JSON a ValueError


class Context:
    """The context of a fleet: tokens of prompt and answer together, as far as anybody says.

    Most prompts are sent unasked: a text of n bytes has at most n tokens. Only the others are counted, by a
    server that can (vLLM's `/tokenize`); where none can, they are sent, and a refusal says that they are too long.
    """

    def __init__(self, settings: OpenAITeacher, fleet: Fleet, length: int | None) -> None:
        self.length = length
        self._settings = settings
        self._fleet = fleet
        self._can_count = True

    @classmethod
    async def learn(cls, settings: OpenAITeacher, fleet: Fleet, session: aiohttp.ClientSession) -> Context:
        """From the recipe, or from what the servers list with the model (vLLM's and SGLang's `max_model_len`).

        Of several servers the smallest counts: any of them may be asked. Raises UserError where an answer
        alone may be longer.
        """
        length = settings.context_length
        if length is None:
            said = await asyncio.gather(*(_listed(session, server.url, settings.model) for server in fleet.servers))
            length = min((found for found in said if found is not None), default=None)
        if length is not None and settings.sampling.max_tokens > length:
            raise UserError(
                f"teacher.sampling.max_tokens: {settings.sampling.max_tokens:,} tokens of an answer do not fit into "
                f"the context of {length:,} that {settings.model} has at {fleet}"
            )
        return cls(settings, fleet, length)

    async def check(self, session: aiohttp.ClientSession, request: Request) -> None:
        """Raises RefusedError where the prompt leaves no room for an answer."""
        if self.length is None or not self._can_count:
            return
        size = sum(len(message["content"].encode()) for message in request.messages)
        if size + TEMPLATE_TOKENS < self.length:
            return
        count = await self._count(session, request)
        if count is not None and count >= self.length:
            raise RefusedError(f"prompt of {count:,} tokens does not fit in the context of {self.length:,}", "too_long")

    async def _count(self, session: aiohttp.ClientSession, request: Request) -> int | None:
        """The prompt's tokens, by vLLM's own tokenizer and chat template."""
        server = self._fleet.choose()
        assert server is not None
        asked: dict[str, Any] = {"model": self._settings.model, "messages": request.messages}
        if template := self._settings.extra_body.get("chat_template_kwargs"):
            asked["chat_template_kwargs"] = template
        try:
            async with session.post(
                f"{server.url.removesuffix('/v1')}/tokenize",
                data=orjson.dumps(asked),
                timeout=aiohttp.ClientTimeout(total=_SECONDS),
            ) as reply:
                self._can_count = reply.status not in {401, 403, 404, 405, 501}
                said = orjson.loads(await reply.read()) if reply.status == 200 else None
        except _NO_ANSWER:
            return None
        count = said.get("count") if isinstance(said, dict) else None
        return count if isinstance(count, int) else None


async def _listed(session: aiohttp.ClientSession, url: str, model: str) -> int | None:
    """The context that a server's list of models gives for this one."""
    try:
        async with session.get(f"{url}/models", timeout=aiohttp.ClientTimeout(total=_SECONDS)) as reply:
            listed = orjson.loads(await reply.read())["data"]
        lengths = [each.get("max_model_len") for each in listed if each.get("id") == model]
    except (*_NO_ANSWER, KeyError, TypeError, AttributeError):
        return None
    return next((length for length in lengths if isinstance(length, int) and length > 0), None)
