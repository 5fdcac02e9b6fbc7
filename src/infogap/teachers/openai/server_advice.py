"""What to change in the recipe where a server takes no request at all."""

from __future__ import annotations

import asyncio

import aiohttp
import orjson

from infogap.spelling import nearest
from infogap.teachers.openai.http_errors import UnusableError, shortened
from infogap.teachers.openai.load_balancer import Fleet
from infogap.teachers.openai.openai_backend import OpenAITeacher

_SECONDS = 10.0  # for a server's list of models
_SHOWN = 20  # models in a message
_NO_ANSWER = (aiohttp.ClientError, OSError, ValueError, KeyError, TypeError, AttributeError)


async def advice(
    error: UnusableError, settings: OpenAITeacher, fleet: Fleet, session: aiohttp.ClientSession
) -> str | None:
    """A sentence that names the key of the recipe to look at; None where the server's own words say all."""
    match error.cause:
        case "key" if settings.api_key_env is None:
            return (
                "it wants a key: put it in an environment variable and name that, "
                "such as `teacher: {api_key_env: OPENAI_API_KEY}`"
            )
        case "key":
            return f"it refuses the key in the environment variable {settings.api_key_env} (teacher.api_key_env)"
        case "model":
            return _no_such_model(settings.model, await _listed(fleet, session))
        case "path":
            return "teacher.base_url is what stands before /chat/completions, as a rule up to and including /v1"
    return None


def _no_such_model(model: str, listed: list[str]) -> str:
    wanted = f"teacher.model is '{model}'"
    if not listed:
        return f"{wanted}; no server lists its models"
    more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    return f"{wanted}{nearest(model, listed)}; there are: {', '.join(listed[:_SHOWN])}{more}"


async def _listed(fleet: Fleet, session: aiohttp.ClientSession) -> list[str]:
    """The models that the servers list, each once."""
    found = await asyncio.gather(*(_models(session, server.url) for server in fleet.servers))
    return list(dict.fromkeys(name for names in found for name in names))


async def _models(session: aiohttp.ClientSession, url: str) -> list[str]:
    try:
        async with session.get(f"{url}/models", timeout=aiohttp.ClientTimeout(total=_SECONDS)) as reply:
            listed = orjson.loads(await reply.read())["data"]
        return [shortened(each["id"]) for each in listed if isinstance(each["id"], str)]
    except _NO_ANSWER:
        return []
