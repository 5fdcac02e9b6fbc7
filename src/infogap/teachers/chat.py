"""The OpenAI chat-completions protocol: a request's body, and what a server's reply means."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import orjson

from infogap.recipe.teacher import OpenAITeacher
from infogap.teachers.base import Completion, FinishReason, Request
from infogap.teachers.entropy import entropies
from infogap.teachers.refusals import (
    PassingError,
    RefusedError,
    UnusableError,
    message_in,
    no_completion,
    refusal,
    shortened,
)
from infogap.teachers.thinking import split


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
        "logprobs": True if settings.logprobs else None,
        "top_logprobs": settings.logprobs,
        **settings.extra_body,
    }
    return orjson.dumps(
        {key: value for key, value in keys.items() if value is not None}, option=orjson.OPT_NON_STR_KEYS
    )


def read(
    settings: OpenAITeacher, request: Request, url: str, status: int, headers: Mapping[str, str], payload: bytes
) -> Completion:
    """The completion in a reply of the server at `url`.

    Raises PassingError, RefusedError, or UnusableError where the server takes no request at all.
    """
    if status != 200:
        raise refusal(url, status, headers, payload)
    try:
        reply = _parsed(payload)
        choice = reply["choices"][0]
        return _completion(settings, request, url, choice, reply.get("usage") or {})
    except (ValueError, RecursionError):
        raise PassingError(f"{url} sent invalid JSON: {message_in(payload)}") from None
    except (KeyError, IndexError, TypeError, AttributeError):
        raise no_completion(url, payload) from None


def _completion(
    settings: OpenAITeacher, request: Request, url: str, choice: dict[str, Any], usage: dict[str, Any]
) -> Completion:
    message, reason = choice["message"], choice.get("finish_reason")
    content = message.get("content") or ""
    reasoning = message.get("reasoning") or message.get("reasoning_content") or ""
    if reason == "content_filter":
        raise RefusedError("filtered by the server", "filtered")
    if not content and isinstance(refusal_text := message.get("refusal"), str) and refusal_text:
        raise RefusedError(f"the model refused: {shortened(refusal_text)}", "filtered")
    if reason in {"abort", "error"}:  # vLLM's, for a request that it gave up
        raise PassingError(f"the server gave the request up ({reason})")
    finish: FinishReason = "length" if reason == "length" else "stop"
    logprobs, entropies = _tokens(settings, url, choice) if settings.logprobs else (None, None)
    if reasoning:
        reasoning, response = reasoning.strip(), content.strip()
    else:
        reasoning, response = split(content, truncated=finish == "length", opened=settings.thinking == "opened")
    return Completion(
        request.request_id,
        reasoning,
        response,
        finish,
        _count(usage.get("prompt_tokens")),
        _count(usage.get("completion_tokens")),
        token_logprobs=logprobs,
        token_entropies=entropies,
    )


def _tokens(settings: OpenAITeacher, url: str, choice: dict[str, Any]) -> tuple[list[float], list[float]]:
    """Each token's log-probability, and the entropy at its place over the most likely tokens that the server names.

    A token that is next to impossible has -9999 there, by the protocol.
    """
    tokens = (choice.get("logprobs") or {}).get("content")
    if tokens is None or (tokens and not any(token.get("top_logprobs") for token in tokens)):
        raise UnusableError(
            f"{url} gives no log-probabilities of the likeliest tokens; take `teacher.logprobs` out of the recipe"
        )
    logprobs = [float(token["logprob"]) for token in tokens]
    likeliest = np.full((len(tokens), settings.logprobs or 0), -np.inf)
    for place, token in enumerate(tokens):
        others = sorted((other["logprob"] for other in token["top_logprobs"]), reverse=True)[: settings.logprobs]
        likeliest[place, : len(others)] = others
    return logprobs, entropies(likeliest).tolist()


def _count(tokens: object) -> int | None:
    """A number of tokens, if it is one: what a server says must not spoil the table."""
    return tokens if isinstance(tokens, int) and not isinstance(tokens, bool) and 0 <= tokens < 2**63 else None


def _parsed(payload: bytes) -> Any:
    """JSON, also such as holds half a surrogate pair: a model may be cut off inside a character."""
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError:
        return json.loads(payload)
