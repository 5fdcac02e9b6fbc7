"""The models that servers list, and advice on the recipe if no server accepts a request."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import orjson

from infogap.errors import nearest
from infogap.teachers.openai.http_errors import UnusableError, shortened
from infogap.teachers.openai.load_balancer import Fleet
from infogap.teachers.openai.openai_backend import OpenAITeacher

_SECONDS = 10.0  # to wait for a list; work continues without it
_SHOWN = 20  # models in a message
NO_ANSWER = (aiohttp.ClientError, OSError, ValueError)  # TimeoutError is an OSError, invalid JSON a ValueError


async def advice(
    error: UnusableError, settings: OpenAITeacher, fleet: Fleet, session: aiohttp.ClientSession
) -> str | None:
    """Return a sentence on the key of the recipe to check; None if the server's own message is enough."""
    match error.cause:
        case "key" if settings.api_key_env is None:
            return (
                "it needs a key: put it in an environment variable and name that, "
                "such as `teacher: {api_key_env: OPENAI_API_KEY}`"
            )
        case "key":
            return f"it refuses the key in the environment variable {settings.api_key_env} (teacher.api_key_env)"
        case "model":
            return _no_such_model(settings.model, await _names(fleet, session))
        case "path":
            return "teacher.base_url is the URL before /chat/completions, usually up to and including /v1"
    return None


def _no_such_model(model: str, listed: list[str]) -> str:
    wanted = f"teacher.model is '{model}'"
    if not listed:
        return f"{wanted}; no server lists its models"
    more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    meant = "" if model in listed else nearest(model, listed)
    return f"{wanted}{meant}; there are: {', '.join(listed[:_SHOWN])}{more}"


async def list_models(session: aiohttp.ClientSession, url: str) -> list[dict[str, Any]]:
    """Return a server's list of models, usually each with an `id`; empty if it gives no such list."""
    try:
        async with session.get(f"{url}/models", timeout=aiohttp.ClientTimeout(total=_SECONDS)) as reply:
            listed = orjson.loads(await reply.read())["data"]
    except (*NO_ANSWER, KeyError, TypeError):
        return []
    return listed if isinstance(listed, list) and all(isinstance(model, dict) for model in listed) else []


async def _names(fleet: Fleet, session: aiohttp.ClientSession) -> list[str]:
    """Return the names of the servers' models, each once; lists with an unnamed model are ignored."""
    lists = await asyncio.gather(*(list_models(session, server.url) for server in fleet.servers))
    named = (models for models in lists if all("id" in model for model in models))
    return list(dict.fromkeys(shortened(m["id"]) for models in named for m in models if isinstance(m["id"], str)))
