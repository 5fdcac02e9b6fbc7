"""Errors of servers: which to retry, which end the request, and which mean that the server accepts no request."""

from __future__ import annotations

import email.utils
import math
import re
import time
from collections.abc import Mapping
from typing import Any, Literal

import orjson

from infogap.teachers.base import FailureReason

Cause = Literal["key", "model", "path"]
"""The part of the recipe that makes a server refuse every request."""

_CAUSES: dict[int, Cause] = {401: "key", 403: "key", 404: "path", 405: "path"}
_PASSING = {408, 409, 425, 429}  # and every 5xx
_THIS_REQUEST = {400, 413, 422}
_NO_MODEL_STATUS = {400, 404, 422}
_SHOWN_CHARACTERS = 300

# No standard names these two, so they are recognized by each server's wording. Too long: OpenAI's code, vLLM and SGLang
# ("maximum context length", "maximum model length"), llama.cpp (`exceed_context_size_error`, under some versions with
# status 500 or 200), text-generation-inference (`inputs` tokens + `max_new_tokens` must be <= N), Anthropic's proxy.
_TOO_LONG = re.compile(
    r"context_length_exceeded|exceed_context_size|context (length|size|window)|maximum model length"
    r"|`inputs` (tokens \+|must have less than)|prompt is too long",
    re.IGNORECASE,
)
_FILTERED = re.compile(r"content_?filter|content_policy|ResponsibleAIPolicyViolation", re.IGNORECASE)

# vLLM, SGLang, Ollama, OpenAI, DeepSeek, Mistral, Zhipu.
_NO_MODEL = re.compile(
    r"model_not_found|invalid_model|(invalid|unknown|no such) model"
    r"|\bmodel\b.{0,200}?(does not exist|not exist|not found|is not a valid|is not available|is not loaded)",
    re.IGNORECASE | re.DOTALL,
)


class PassingError(Exception):
    """The server failed, and another attempt may succeed, after `retry_after` seconds if the server gives them."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class RefusedError(Exception):
    """The server refuses this request, and would do so again; others may succeed."""

    def __init__(self, message: str, reason: FailureReason = "error") -> None:
        super().__init__(message)
        self.reason = reason


class UnusableError(Exception):
    """The server refuses every request: it does not accept the key, or does not know the model or the path."""

    def __init__(self, message: str, cause: Cause | None = None) -> None:
        super().__init__(message)
        self.cause = cause


def refusal(
    url: str, status: int, headers: Mapping[str, str], payload: bytes
) -> PassingError | RefusedError | UnusableError:
    """Make the error for a reply of the server at `url` whose status is not 200."""
    moved = headers.get("Location")
    said = f"{url} answered {status}: {f'it has moved to {shortened(moved)}' if moved else message_in(payload)}"
    reason = _reason(payload, in_words=status in _THIS_REQUEST)
    if reason != "error":
        return RefusedError(said, reason)
    if status in _NO_MODEL_STATUS and _NO_MODEL.search(_words(payload)):
        return UnusableError(said, "model")
    if status in _PASSING or status >= 500:
        return PassingError(said, _retry_after(headers))
    return RefusedError(said) if status in _THIS_REQUEST else UnusableError(said, _CAUSES.get(status))


def no_completion(url: str, payload: bytes) -> PassingError | RefusedError:
    """Make the error for a reply with status 200 and without a completion."""
    said = f"{url} sent no completion: {message_in(payload)}"
    reason = _reason(payload, in_words=True)
    return PassingError(said) if reason == "error" else RefusedError(said, reason)


def _reason(payload: bytes, *, in_words: bool) -> FailureReason:
    """Find why a request was refused: from the error's code and type, and with `in_words` from its message."""
    error = _error_in(payload)
    named = f"{error.get('code')} {error.get('type')} {error.get('innererror')}"
    if _FILTERED.search(named):
        return "filtered"
    return "too_long" if _TOO_LONG.search(f"{named} {error.get('message')}" if in_words else named) else "error"


def _words(payload: bytes) -> str:
    """Return all that the server says about its error: codes and message."""
    error = _error_in(payload)
    return f"{error.get('code')} {error.get('type')} {message_in(payload)}"


def _error_in(payload: bytes) -> dict[str, Any]:
    """Return the server's error as an object with a `message`, whatever its form; empty if there is none."""
    try:
        reply = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return {}
    if not isinstance(reply, dict):
        return {}
    error = reply.get("error")
    if isinstance(error, dict):
        return error
    return reply if error is None else reply | {"message": error}


def message_in(payload: bytes) -> str:
    """Return the server's own message, wherever it is in the reply, shortened."""
    error = _error_in(payload)
    for key in ("message", "detail"):
        message = error.get(key)
        if isinstance(message, str) and message:
            return shortened(message)
    return shortened(payload.decode(errors="replace"))


def shortened(text: str) -> str:
    """Put a server's text on one line, shortened."""
    text = " ".join(text.split())
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "..."


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a server asks to wait, given as a number or as a date."""
    value = headers.get("Retry-After")
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(value).timestamp() - time.time()
        except (ValueError, OverflowError):
            return None
    return None if math.isnan(seconds) else max(seconds, 0.0)
