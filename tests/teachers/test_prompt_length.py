"""Prompts longer than the servers' context are found before they are sent, and others are not asked about."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from infogap.errors import InputError
from infogap.teachers.base import Completion, Request
from infogap.teachers.batch_service import TEMPLATE_TOKENS
from infogap.teachers.openai.openai_backend import OpenAITeacher
from infogap.teachers.openai.openai_teacher import OpenAIServers
from servers.scripted import ScriptedServer, failing

Serving = Callable[[ScriptedServer], str]
CONTEXT = 1000


class CountingServer(ScriptedServer):
    """A server that lists its context and counts a prompt's tokens as vLLM does: here, its words and ten more."""

    def __init__(self, context: int | None = CONTEXT, *, counts: bool = True) -> None:
        super().__init__(lambda body, _: self._too_long if context and words(body) > context else None)
        self._too_long = failing(400, f"This model's maximum context length is {context} tokens.")
        self._context = context
        self.counted: list[dict[str, Any]] = []
        self.app.routes.append(Route("/v1/models", self._models))
        if counts:
            self.app.routes.append(Route("/tokenize", self._tokenize, methods=["POST"]))

    async def _models(self, _: HttpRequest) -> Response:
        listed = [{"id": "other", "max_model_len": 7}, {"id": "m", "max_model_len": self._context}]
        return JSONResponse({"object": "list", "data": listed})

    async def _tokenize(self, http: HttpRequest) -> Response:
        body = orjson.loads(await http.body())
        self.counted.append(body)
        return JSONResponse({"count": words(body), "max_model_len": self._context, "tokens": []})


def words(body: dict[str, Any]) -> int:
    return sum(len(message["content"].split()) for message in body["messages"]) + 10


def teacher(*urls: str, **changed: Any) -> OpenAIServers:
    keys: dict[str, Any] = {"backend": "openai", "model": "m", "base_url": list(urls), "sampling": {"max_tokens": 100}}
    return OpenAIServers(OpenAITeacher.model_validate(keys | changed))


def requests(*texts: str) -> Iterator[Request]:
    for number, text in enumerate(texts):
        yield Request(f"r{number}", [{"role": "user", "content": text}], seed=number)


def answers(asked: OpenAIServers, *texts: str) -> list[Completion]:
    return sorted(asked.answer(requests(*texts)), key=lambda done: done.request_id)


SHORT = "x" * (CONTEXT - TEMPLATE_TOKENS - 1)  # fits even with a token per byte
FITS = "xxxxxxxxx " * (CONTEXT - 11)
TOO_LONG = "x " * (CONTEXT - 10)


def test_only_prompts_that_may_be_too_long_are_counted_and_only_those_that_fit_are_sent(serving: Serving) -> None:
    server = CountingServer()
    short, fits, too_long = answers(teacher(serving(server)), SHORT, FITS, TOO_LONG)
    assert [short.finish_reason, fits.finish_reason, too_long.finish_reason] == ["stop", "stop", "too_long"]
    assert too_long.error == "prompt of 1,000 tokens does not fit in the context of 1,000"
    assert sorted(body["messages"][0]["content"] for body in server.counted) == sorted([FITS, TOO_LONG])
    assert {body["messages"][0]["content"] for body in server.bodies} == {SHORT, FITS}


def test_bytes_are_counted_and_not_characters(serving: Serving) -> None:
    server = CountingServer()
    answers(teacher(serving(server)), "\N{ROMAN NUMERAL ONE}" * (CONTEXT // 3))
    assert len(server.counted) == 1


def test_the_templates_arguments_are_counted_too(serving: Serving) -> None:
    server = CountingServer()
    answers(teacher(serving(server), extra_body={"chat_template_kwargs": {"enable_thinking": False}}), FITS)
    assert server.counted[0]["chat_template_kwargs"] == {"enable_thinking": False}


def test_where_nobody_counts_the_servers_refusal_says_it(serving: Serving) -> None:
    server = CountingServer(counts=False)
    short, too_long = answers(teacher(serving(server), concurrency=1), SHORT, "x " * CONTEXT)
    assert (short.finish_reason, too_long.finish_reason) == ("stop", "too_long")
    assert "maximum context length is 1000 tokens" in (too_long.error or "")


def test_where_nobody_knows_the_context_nothing_is_counted(serving: Serving) -> None:
    server = CountingServer(context=None)
    (done,) = answers(teacher(serving(server)), TOO_LONG)
    assert done.finish_reason == "stop"
    assert server.counted == []


def test_the_recipes_context_counts_before_the_servers(serving: Serving) -> None:
    server = CountingServer(context=None)
    (done,) = answers(teacher(serving(server), context_length=CONTEXT), TOO_LONG)
    assert done.finish_reason == "too_long"
    assert server.bodies == []


def test_of_several_servers_the_smallest_context_counts(serving: Serving) -> None:
    large, small = CountingServer(100 * CONTEXT), CountingServer()
    (done,) = answers(teacher(serving(large), serving(small)), TOO_LONG)
    assert done.finish_reason == "too_long"


def test_answers_that_do_not_fit_are_the_users_error(serving: Serving) -> None:
    server = CountingServer()
    with pytest.raises(InputError, match=r"max_tokens: 1,001 tokens of an answer do not fit into the context of 1,000"):
        answers(teacher(serving(server), sampling={"max_tokens": CONTEXT + 1}), SHORT)
    assert server.bodies == []
