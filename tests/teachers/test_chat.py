"""The chat-completions protocol: what is posted, and what replies mean."""

from __future__ import annotations

import email.utils
import time
from typing import Any

import orjson
import pytest

from infogap.errors import WorldError
from infogap.recipe.teacher import OpenAITeacher
from infogap.teachers import chat
from infogap.teachers.base import Completion, Request
from infogap.teachers.chat import PassingError, RefusedError

REQUEST = Request("id", [{"role": "user", "content": "2+2?"}], seed=7)
URL = "http://node1:8000/v1"


def settings(**changed: Any) -> OpenAITeacher:
    return OpenAITeacher.model_validate({"backend": "openai", "model": "m", "base_url": [URL], **changed})


def body(**changed: Any) -> dict[str, Any]:
    posted = orjson.loads(chat.body(settings(**changed), REQUEST))
    assert isinstance(posted, dict)
    return posted


def read(payload: object, status: int = 200, headers: dict[str, str] | None = None, **changed: Any) -> Completion:
    data = payload if isinstance(payload, bytes) else orjson.dumps(payload)
    return chat.read(settings(**changed), REQUEST, URL, status, headers or {}, data)


def reply(reason: str | None = "stop", **message: Any) -> dict[str, Any]:
    return {
        "choices": [{"message": message, "finish_reason": reason}],
        "usage": {"prompt_tokens": 11, "completion_tokens": 7},
    }


def test_body_has_what_every_server_knows_and_nothing_that_is_not_set() -> None:
    assert body() == {
        "model": "m",
        "messages": [{"role": "user", "content": "2+2?"}],
        "seed": 7,
        "temperature": 0.7,
        "top_p": 1.0,
        "max_tokens": 1024,
    }


def test_body_has_the_recipes_sampling() -> None:
    sampling = {"temperature": 0.6, "top_p": 0.95, "top_k": 20, "min_p": 0.1, "max_tokens": 99, "stop": ["\n\n"]}
    posted = body(sampling=sampling)
    assert {key: posted[key] for key in sampling} == sampling


def test_extra_body_is_merged_and_null_takes_a_key_out() -> None:
    extra = {"chat_template_kwargs": {"enable_thinking": True}, "max_tokens": None, "max_completion_tokens": 50}
    posted = body(extra_body=extra)
    assert posted["chat_template_kwargs"] == {"enable_thinking": True}
    assert posted["max_completion_tokens"] == 50
    assert "max_tokens" not in posted


def test_extra_body_may_have_keys_that_are_numbers() -> None:
    assert body(extra_body={"logit_bias": {50256: -100, "7": 1}})["logit_bias"] == {"50256": -100, "7": 1}


@pytest.mark.parametrize(
    ("message", "reason", "expected"),
    [
        ({"content": "4"}, "stop", ("", "4", "stop")),
        ({"content": "<think>2 and 2</think>\n4"}, "stop", ("2 and 2", "4", "stop")),
        ({"content": "2 and 2</think>\n4"}, "stop", ("2 and 2", "4", "stop")),
        ({"content": "\n\n4", "reasoning": "\n2 and 2\n"}, "stop", ("2 and 2", "4", "stop")),
        ({"content": "4", "reasoning_content": "2 and 2"}, "stop", ("2 and 2", "4", "stop")),
        ({"content": "4", "reasoning": None, "reasoning_content": None}, "stop", ("", "4", "stop")),
        ({"content": None, "reasoning": "2 and"}, "length", ("2 and", "", "length")),
        ({"content": "<think>2 and"}, "length", ("2 and", "", "length")),
        ({"content": "Sure. <think>2 and"}, "length", ("Sure. <think>2 and", "", "length")),
        ({"content": "The sum"}, "length", ("", "The sum", "length")),
        ({"content": None}, "tool_calls", ("", "", "stop")),
        ({"content": "4"}, None, ("", "4", "stop")),
    ],
)
def test_thoughts_answers_and_reasons(message: dict[str, Any], reason: str, expected: tuple[str, str, str]) -> None:
    completion = read(reply(reason, **message))
    assert (completion.reasoning, completion.response, completion.finish_reason) == expected
    assert (completion.prompt_tokens, completion.completion_tokens) == (11, 7)
    assert completion.error is None


@pytest.mark.parametrize(
    ("message", "reason", "expected"),
    [
        ({"content": "2 and"}, "length", ("2 and", "")),
        ({"content": "2 and"}, "stop", ("2 and", "")),
        ({"content": "2 and 2</think>4"}, "stop", ("2 and 2", "4")),
        ({"content": "4", "reasoning": "2 and 2"}, "stop", ("2 and 2", "4")),
    ],
)
def test_a_thought_that_the_prompt_opens_is_no_answer(
    message: dict[str, Any], reason: str, expected: tuple[str, str]
) -> None:
    completion = read(reply(reason, **message), thinking="opened")
    assert (completion.reasoning, completion.response) == expected


def test_where_the_thought_opens_is_part_of_what_is_asked() -> None:
    assert settings(thinking="opened").answer_settings != settings().answer_settings
    assert "thinking" not in settings().answer_settings  # so that ids stay what they were


def test_reply_without_usage_has_unknown_counts() -> None:
    completion = read({"choices": [{"message": {"content": "4"}, "finish_reason": "stop"}], "usage": None})
    assert (completion.prompt_tokens, completion.completion_tokens) == (None, None)


def test_filtered_is_an_error() -> None:
    completion = read(reply("content_filter", content="I can"))
    assert completion == Completion("id", "", "", "error", None, None, "filtered by the server")


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        (b"<html>oops", "sent invalid JSON: <html>oops"),
        (b"", "sent invalid JSON"),
        ({"choices": []}, "sent no completion"),
        ({"choices": None}, "sent no completion"),
        ([], "sent no completion"),
        ({"choices": [{"message": None}]}, "sent no completion"),
        ({"error": {"message": "no GPU left"}}, "sent no completion: no GPU left"),
        (reply("abort", content="I c"), "gave the request up"),
    ],
)
def test_replies_without_a_completion_may_pass(payload: object, said: str) -> None:
    with pytest.raises(PassingError, match=said):
        read(payload)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 529])
def test_statuses_that_may_pass(status: int) -> None:
    with pytest.raises(PassingError, match=rf"node1:8000/v1 answered {status}: busy") as caught:
        read({"error": {"message": "busy"}}, status)
    assert caught.value.retry_after is None


@pytest.mark.parametrize("status", [400, 413, 422])
def test_statuses_that_refuse_the_request(status: int) -> None:
    with pytest.raises(RefusedError, match=rf"answered {status}: too long"):
        read({"error": {"message": "too long"}}, status)


@pytest.mark.parametrize("status", [301, 307, 401, 402, 403, 404, 405])
def test_statuses_that_no_request_passes(status: int) -> None:
    with pytest.raises(WorldError, match=rf"node1:8000/v1 answered {status}: no"):
        read({"error": {"message": "no"}}, status)


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        ({"error": {"message": "a"}}, "a"),
        ({"error": "a"}, "a"),
        ({"message": "a", "code": 400}, "a"),
        ({"detail": "a"}, "a"),
        ({"detail": [{"msg": "a"}]}, r'\{"detail":\[\{"msg":"a"\}\]\}'),
        (b"plain\n text", "plain text"),
    ],
)
def test_the_servers_words_are_found(payload: object, said: str) -> None:
    with pytest.raises(RefusedError, match=f"answered 400: {said}$"):
        read(payload, 400)


def test_long_pages_are_shortened() -> None:
    with pytest.raises(RefusedError) as caught:
        read(b"x" * 10_000, 400)
    assert len(str(caught.value)) < 400


def test_retry_after_in_seconds_and_as_a_date() -> None:
    with pytest.raises(PassingError) as caught:
        read({}, 429, {"Retry-After": "2.5"})
    assert caught.value.retry_after == 2.5
    with pytest.raises(PassingError) as caught:
        read({}, 503, {"Retry-After": email.utils.formatdate(time.time() + 100, usegmt=True)})
    assert caught.value.retry_after == pytest.approx(100, abs=5)
    with pytest.raises(PassingError) as caught:
        read({}, 429, {"Retry-After": "soon"})
    assert caught.value.retry_after is None
