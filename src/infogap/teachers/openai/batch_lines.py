"""The lines of a batch's files: a request in its input, an answer or an error in its output."""

from __future__ import annotations

from typing import Any

import orjson

from infogap.teachers.base import Completion, Request
from infogap.teachers.batch_service import SendAgainError
from infogap.teachers.openai import chat_protocol as chat
from infogap.teachers.openai.http_errors import PassingError, RefusedError, UnusableError, refusal, shortened
from infogap.teachers.openai.openai_backend import OpenAITeacher

ENDPOINT = "/v1/chat/completions"  # whatever precedes /v1 in the server's URL


def line_of(settings: OpenAITeacher, request: Request) -> bytes:
    """Return the line of a request; its `custom_id` is the request's id, its body the one that is sent live."""
    body = orjson.Fragment(chat.body(settings, request))
    return orjson.dumps({"custom_id": request.request_id, "method": "POST", "url": ENDPOINT, "body": body})


def request_in(line: bytes) -> Request:
    """Read a request back from its line. A seed that `extra_body` replaced or removed is not restored."""
    written = orjson.loads(line)
    return Request(written["custom_id"], written["body"]["messages"], written["body"].get("seed") or 0)


def id_in(answer: bytes) -> str | None:
    """Return the `custom_id` of an answer's line; None if the line has none."""
    try:
        custom_id = orjson.loads(answer)["custom_id"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None
    return custom_id if isinstance(custom_id, str) else None


def read(settings: OpenAITeacher, request: Request, answer: bytes) -> Completion:
    """Read the answer to a request, as a live one is read. Raises SendAgainError."""
    line = orjson.loads(answer)
    where = "the batch"
    try:
        response, error = line.get("response"), line.get("error")
        if isinstance(response, dict) and response.get("body") is not None:
            status, payload = _reply(response)
            return chat.read(settings, request, where, status, {}, payload)
        raise _refused_or_failed(error)
    except RefusedError as refused:
        return Completion.failed(request, str(refused), refused.reason)
    except UnusableError as unusable:  # of this line alone: the others may have answers
        return Completion.failed(request, str(unusable))
    except PassingError as passing:
        raise SendAgainError(str(passing)) from None


def _reply(response: dict[str, Any]) -> tuple[int, bytes]:
    """Return status and body of the reply that a line holds."""
    status, body = response.get("status_code"), response["body"]
    payload = body.encode() if isinstance(body, str) else orjson.dumps(body)
    return (status if isinstance(status, int) else 200), payload


def _refused_or_failed(error: object) -> Exception:
    """Make the error of a line without a reply, such as `batch_expired`; its request may be answered next time."""
    if not isinstance(error, dict):
        return PassingError("the batch has neither an answer nor an error")
    why = refusal("the batch", 400, {}, orjson.dumps({"error": error}))
    if isinstance(why, RefusedError) and why.reason != "error":
        return why
    words = [str(error[key]) for key in ("code", "message") if error.get(key)]
    return PassingError(f"the batch gives an error: {shortened(': '.join(words))}")
