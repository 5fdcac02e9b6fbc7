"""Check that a prompt fits in the servers' context before it is sent."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import orjson

from infogap.errors import InputError
from infogap.teachers.base import Request
from infogap.teachers.batch_service import TEMPLATE_TOKENS
from infogap.teachers.openai.http_errors import RefusedError
from infogap.teachers.openai.load_balancer import Fleet
from infogap.teachers.openai.openai_backend import OpenAITeacher
from infogap.teachers.openai.server_models import NO_ANSWER, list_models

_SECONDS = 10.0  # to wait for a count of tokens; after that the prompt is sent unchecked


class Context:
    """The context length of a fleet: tokens of prompt and answer together, if the recipe or a server gives it.

    Most prompts need no check, as a text of n bytes has at most n tokens. Longer ones are counted by a server that can
    (vLLM's `/tokenize`). If none can, they are sent, and the server's refusal shows that they are too long.
    """

    def __init__(self, settings: OpenAITeacher, fleet: Fleet, length: int | None) -> None:
        self.length = length
        self._settings = settings
        self._fleet = fleet
        self._can_count = True

    @classmethod
    async def learn(cls, settings: OpenAITeacher, fleet: Fleet, session: aiohttp.ClientSession) -> Context:
        """Take the length from the recipe, or from the servers' lists of models (`max_model_len` of vLLM and SGLang).

        Of several servers the smallest length counts, as any of them may get the request. Raises InputError if an
        answer alone may be longer.
        """
        length = settings.context_length
        if length is None:
            listed = await asyncio.gather(*(_listed(session, server.url, settings.model) for server in fleet.servers))
            length = min((each for each in listed if each is not None), default=None)
        if length is not None and settings.sampling.max_tokens > length:
            raise InputError(
                f"teacher.sampling.max_tokens: {settings.sampling.max_tokens:,} tokens of an answer do not fit into "
                f"the context of {length:,} that {settings.model} has at {fleet}"
            )
        return cls(settings, fleet, length)

    async def check(self, session: aiohttp.ClientSession, request: Request) -> None:
        """Raise RefusedError if the prompt leaves no room for an answer."""
        if self.length is None or not self._can_count:
            return
        size = sum(len(message["content"].encode()) for message in request.messages)
        if size + TEMPLATE_TOKENS < self.length:
            return
        count = await self._count(session, request)
        if count is not None and count >= self.length:
            raise RefusedError(f"prompt of {count:,} tokens does not fit in the context of {self.length:,}", "too_long")

    async def _count(self, session: aiohttp.ClientSession, request: Request) -> int | None:
        """Count the prompt's tokens, by vLLM's own tokenizer and chat template."""
        server = self._fleet.choose()
        assert server is not None
        request_body: dict[str, Any] = {"model": self._settings.model, "messages": request.messages}
        if template := self._settings.extra_body.get("chat_template_kwargs"):
            request_body["chat_template_kwargs"] = template
        try:
            async with session.post(
                f"{server.url.removesuffix('/v1')}/tokenize",
                data=orjson.dumps(request_body),
                timeout=aiohttp.ClientTimeout(total=_SECONDS),
            ) as reply:
                self._can_count = reply.status not in {401, 403, 404, 405, 501}
                said = orjson.loads(await reply.read()) if reply.status == 200 else None
        except NO_ANSWER:
            return None
        count = said.get("count") if isinstance(said, dict) else None
        return count if isinstance(count, int) else None


async def _listed(session: aiohttp.ClientSession, url: str, model: str) -> int | None:
    """Return the context length that a server's list of models gives for this one."""
    lengths = (each.get("max_model_len") for each in await list_models(session, url) if each.get("id") == model)
    return next((length for length in lengths if isinstance(length, int) and length > 0), None)
