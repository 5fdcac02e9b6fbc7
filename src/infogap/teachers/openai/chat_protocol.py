"""The OpenAI chat-completions protocol: write a request's body, read a server's reply."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import orjson

from infogap.recipe.teacher_section import pair_of
from infogap.teachers.base import Completion, Request
from infogap.teachers.finish_reasons import meaning, word_of
from infogap.teachers.logprobs import entropies
from infogap.teachers.openai.http_errors import (
    PassingError,
    RefusedError,
    UnusableError,
    message_in,
    no_completion,
    refusal,
    shortened,
)
from infogap.teachers.openai.openai_backend import OpenAITeacher
from infogap.text.message_content import ContentError, read_content, thought_beside
from infogap.text.thoughts import Parts, joined, read_parts


def body(settings: OpenAITeacher, request: Request) -> bytes:
    """Return the body to post. `top_k` and `min_p`, vLLM's extensions, are sent only if the recipe sets them.

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
    """Read the completion in a reply of the server at `url`.

    Raises PassingError or RefusedError, or UnusableError if the server accepts no request at all.
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
    message, word = choice["message"], word_of(choice.get("finish_reason"))
    finish = (meaning(word) or word) if word else "stop"  # an unknown word is kept
    if finish == "filtered":
        raise RefusedError(f"filtered by the server ({word})", "filtered")
    if not message.get("content") and isinstance(refusal_text := message.get("refusal"), str) and refusal_text:
        raise RefusedError(f"the model refused: {shortened(refusal_text)}", "filtered")
    if finish == "failed":  # vLLM's `abort`, for a request that it abandoned
        raise PassingError(f"the server gave the request up ({word})")
    parts = _parts(settings, request, url, message, cut=finish == "length")
    logprobs, entropies = _tokens(settings, url, choice) if settings.logprobs else (None, None)
    return Completion(
        request.request_id,
        parts.reasoning,
        parts.response,
        finish,
        _count(usage.get("prompt_tokens")),
        _count(usage.get("completion_tokens")),
        token_logprobs=logprobs,
        token_entropies=entropies,
        tags=parts.tags,
    )


def _parts(settings: OpenAITeacher, request: Request, url: str, message: dict[str, Any], *, cut: bool) -> Parts:
    """Split a message into thought and response, wherever its server puts them. Raises RefusedError."""
    content = message.get("content")
    if content is not None and not isinstance(content, str | list):
        raise TypeError("the content is neither a text nor a list of parts")
    try:
        written, beside = read_content(content), thought_beside(message)
    except ContentError as error:
        raise RefusedError(f"{url} sent a completion in a form that infogap does not read: {error}") from None
    thought = "\n".join(text for text in (beside, written.thought) if text.strip())
    pair = pair_of(settings.thinking)
    parts = read_parts(
        written.text or "",
        truncated=cut,
        opened=settings.thinking == "opened" and not thought,
        pair=pair,
        unwrap=not any("<answer>" in message["content"] for message in request.messages),
    )
    if not thought:
        return parts
    return joined(thought, parts, pair, "a field of its own" if beside else "a part of the content")


def _tokens(settings: OpenAITeacher, url: str, choice: dict[str, Any]) -> tuple[list[float], list[float]]:
    """Return each token's log-probability, and the entropy at its position from the listed most likely tokens.

    The protocol gives -9999 for a token that is next to impossible.
    """
    tokens = (choice.get("logprobs") or {}).get("content")
    if tokens is None or (tokens and not any(token.get("top_logprobs") for token in tokens)):
        raise UnusableError(
            f"{url} gives no log-probabilities of the likeliest tokens; remove `teacher.logprobs` from the recipe"
        )
    logprobs = [float(token["logprob"]) for token in tokens]
    likeliest = np.full((len(tokens), settings.logprobs or 0), -np.inf)
    for place, token in enumerate(tokens):
        others = sorted((other["logprob"] for other in token["top_logprobs"]), reverse=True)[: settings.logprobs]
        likeliest[place, : len(others)] = others
    return logprobs, entropies(likeliest).tolist()


def _count(tokens: object) -> int | None:
    """Return a number of tokens, None if it is not one: a server's mistake must not spoil the table."""
    return tokens if isinstance(tokens, int) and not isinstance(tokens, bool) and 0 <= tokens < 2**63 else None


def _parsed(payload: bytes) -> Any:
    """Parse JSON, even with half a surrogate pair in it: a model may stop inside a character."""
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError:
        return json.loads(payload)
