"""The lines of a batch's files: they hold the live request's body, and are read as live replies are."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infogap.teachers.base import Completion, Request
from infogap.teachers.batch_service import SendAgainError, most_tokens
from infogap.teachers.openai import batch_lines as lines
from infogap.teachers.openai import chat_protocol as chat
from infogap.teachers.openai.http_errors import PassingError, RefusedError, UnusableError
from infogap.teachers.openai.openai_backend import OpenAITeacher

SETTINGS = OpenAITeacher.model_validate(
    {"backend": "openai", "model": "m", "base_url": ["http://a/v1"], "mode": "batch", "extra_body": {"top_k": 3}}
)
REQUEST = Request("r1", [{"role": "user", "content": "How much?"}], 7)


@given(text=st.text(st.characters(exclude_categories=["Cs"])), seed=st.integers(0, 2**31 - 1))
def test_a_request_is_read_back_from_its_line(text: str, seed: int) -> None:
    request = Request("r", [{"role": "user", "content": text}], seed)
    line = lines.line_of(SETTINGS, request)
    assert b"\n" not in line
    assert lines.request_in(line) == request
    assert orjson.loads(line)["body"] == orjson.loads(chat.body(SETTINGS, request))
    assert most_tokens(request, 100) >= len(text.encode()) + 100


def message(**keys: Any) -> dict[str, Any]:
    return {"choices": [{"message": keys, "finish_reason": "stop"}], "usage": {"completion_tokens": 3}}


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, message(content="<think>hm</think>It is 3.")),
        (200, message(content="It is 3.", reasoning="hm")),
        (200, message(content=None, refusal="I will not")),
        (200, {"choices": []}),
        (200, {"error": {"message": "overloaded"}}),
        (200, {"choices": [{"message": {"content": "x"}, "finish_reason": "content_filter"}]}),
        (400, {"error": {"message": "maximum context length is 10 tokens"}}),
        (400, {"error": {"message": "no"}}),
        (401, {"error": {"message": "no key"}}),
        (429, {"error": {"message": "slow"}}),
        (500, {"error": {"message": "broken"}}),
    ],
)
def test_a_line_is_read_as_the_live_reply(status: int, body: dict[str, Any]) -> None:
    def live() -> Completion | None:
        try:
            return chat.read(SETTINGS, REQUEST, "the batch", status, {}, orjson.dumps(body))
        except RefusedError as error:
            return Completion.failed(REQUEST, str(error), error.reason)
        except UnusableError as error:
            return Completion.failed(REQUEST, str(error))
        except PassingError:
            return None

    line = {"custom_id": "r1", "response": {"status_code": status, "body": body}, "error": None}
    as_text = line | {"response": {"status_code": status, "body": orjson.dumps(body).decode()}}
    for each in (line, as_text):
        try:
            read: Completion | None = lines.read(SETTINGS, REQUEST, orjson.dumps(each))
        except SendAgainError:
            read = None
        assert read == live()


@pytest.mark.parametrize("line", [b"", b"not JSON", b"[]", b"{}", b'{"custom_id": 3}', b'"custom_id"'])
def test_a_line_without_an_id_belongs_to_no_request(line: bytes) -> None:
    assert lines.id_in(line) is None
