"""The OpenAI chat-completions protocol: a request's body, and what a server's reply means."""

from __future__ import annotations

import email.utils
import json
import time
from collections.abc import Mapping
from typing import Any

import orjson

from infogap.errors import WorldError
from infogap.recipe.teacher import OpenAITeacher
from infogap.teachers.base import Completion, FinishReason, Request
from infogap.teachers.thinking import split

_PASSING = {408, 409, 425, 429}  # and every 5xx
_THIS_REQUEST = {400, 413, 422}
_SHOWN_CHARACTERS = 300


class PassingError(Exception):
    """The server failed in a way that another attempt may not meet; `retry_after` in seconds where it says when."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class RefusedError(Exception):
    """The server refuses this request, and would again; others may pass."""


def body(settings: OpenAITeacher, request: Request) -> bytes:
    """What is posted. `top_k` and `min_p`, which are vLLM's extensions, only where the recipe sets them.

    `extra_body` comes last and may replace any key; a key set to null there is left out.
    """
    sampling = settings.sampling
    keys: dict[str, Any] = {
        "model": settings.model,
        "messages": request.messages,
        "seed": request.seed,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "top_k": sampling.top_k,
        "min_p": sampling.min_p,
        "max_tokens": sampling.max_tokens,
        "stop": sampling.stop or None,
        **settings.extra_body,
    }
    return orjson.dumps(
        {key: value for key, value in keys.items() if value is not None}, option=orjson.OPT_NON_STR_KEYS
    )


def read(
    settings: OpenAITeacher, request: Request, url: str, status: int, headers: Mapping[str, str], payload: bytes
) -> Completion:
    """The completion in a reply of the server at `url`.

    Raises PassingError, RefusedError, or WorldError where no request can succeed: the key is
    refused, or there is no such model or path.
    """
    if status != 200:
        said = f"{url} answered {status}: {_message(payload)}"
        if status in _PASSING or status >= 500:
            raise PassingError(said, _retry_after(headers))
        if status in _THIS_REQUEST:
            raise RefusedError(said)
        raise WorldError(said)
    try:
        reply = _parsed(payload)
        choice = reply["choices"][0]
        message, reason = choice["message"], choice.get("finish_reason")
        usage = reply.get("usage") or {}
        content = message.get("content") or ""
        reasoning = message.get("reasoning") or message.get("reasoning_content") or ""
        return _completion(settings, request, content, reasoning, reason, usage)
    except ValueError:
        raise PassingError(f"{url} sent invalid JSON: {_shortened(payload)}") from None
    except (KeyError, IndexError, TypeError, AttributeError):
        raise PassingError(f"{url} sent no completion: {_message(payload)}") from None


def _completion(
    settings: OpenAITeacher,
    request: Request,
    content: str,
    reasoning: str,
    reason: str | None,
    usage: dict[str, Any],
) -> Completion:
    if reason == "content_filter":
        return Completion.failed(request, "filtered by the server")
    if reason in {"abort", "error"}:  # vLLM's, for a request that it gave up
        raise PassingError(f"the server gave the request up ({reason})")
    finish: FinishReason = "length" if reason == "length" else "stop"
    if reasoning:
        reasoning, response = reasoning.strip(), content.strip()
    else:
        reasoning, response = split(content, truncated=finish == "length", opened=settings.thinking == "opened")
    return Completion(
        request.request_id,
        reasoning,
        response,
        finish,
        usage.get("prompt_tokens"),
        usage.get("completion_tokens"),
    )


def _parsed(payload: bytes) -> Any:
    """JSON, also such as holds half a surrogate pair: a model may be cut off inside a character."""
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError:
        return json.loads(payload)


def _message(payload: bytes) -> str:
    """The server's own words, wherever it puts them."""
    try:
        reply = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return _shortened(payload)
    for path in (("error", "message"), ("error",), ("message",), ("detail",)):
        found = reply
        for key in path:
            found = found.get(key) if isinstance(found, dict) else None
        if isinstance(found, str) and found:
            return found
    return _shortened(payload)


def _shortened(payload: bytes) -> str:
    text = " ".join(payload.decode(errors="replace").split())
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "..."


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a server asks to wait, which it may give as a number or as a date."""
    value = headers.get("Retry-After")
    if value is None:
        return None
    try:
        return max(float(value), 0.0)
    except ValueError:
        pass
    try:
        return max(email.utils.parsedate_to_datetime(value).timestamp() - time.time(), 0.0)
    except ValueError:
        return None
