"""The chat-completions protocol: what is posted, and what replies mean."""

from __future__ import annotations

from math import log
from typing import Any

import orjson
import pytest

from infogap.teachers.base import Completion, Request
from infogap.teachers.openai import chat_protocol as chat
from infogap.teachers.openai.http_errors import PassingError, RefusedError, UnusableError
from infogap.teachers.openai.openai_backend import OpenAITeacher

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


def reply(reason: Any = "stop", **message: Any) -> dict[str, Any]:
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
        ({"content": "Sure. <think>2 and"}, "length", ("Sure. 2 and", "", "length")),
        ({"content": "[THINK]2 and 2[/THINK]4"}, "stop", ("2 and 2", "4", "stop")),
        ({"content": "<think>2 and 2</think>4", "reasoning_content": "2 and 2"}, "stop", ("2 and 2", "4", "stop")),
        ({"content": "\n</think>\n\n4", "reasoning": "2 and 2"}, "stop", ("2 and 2", "4", "stop")),
        ({"content": "4", "thinking": "2 and 2"}, "end_turn", ("2 and 2", "4", "stop")),
        ({"content": "4", "reasoning_details": [{"type": "reasoning.text", "text": "2"}]}, "stop", ("2", "4", "stop")),
        ({"content": "<think>2</think><answer>4</answer>"}, "stop", ("2", "4", "stop")),
        ({"content": "<think>2</think>4<|im_end|>"}, "stop", ("2", "4", "stop")),
        ({"content": "The sum"}, "MAX_TOKENS", ("", "The sum", "length")),
        ({"content": "The sum"}, {"type": "length", "length": 5}, ("", "The sum", "length")),
        ({"content": "4"}, "repetition", ("", "4", "repetition")),
        ({"content": "The sum"}, "length", ("", "The sum", "length")),
        ({"content": None}, "tool_calls", ("", "", "stop")),
        ({"content": "4"}, None, ("", "4", "stop")),
    ],
)
def test_thoughts_answers_and_reasons(message: dict[str, Any], reason: Any, expected: tuple[str, str, str]) -> None:
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


PARTS: list[dict[str, Any]] = [
    {"type": "thinking", "thinking": [{"type": "text", "text": "2 and 2"}]},
    {"type": "text", "text": "It is "},
    {"type": "text", "text": "4"},
]


def test_content_in_parts() -> None:
    completion = read(reply(content=PARTS))
    assert (completion.reasoning, completion.response) == ("2 and 2", "It is 4")
    assert completion.tags == ("a part of the content",)
    completion = read(reply("length", content=PARTS[:1]))
    assert (completion.reasoning, completion.response, completion.finish_reason) == ("2 and 2", "", "length")


def test_content_in_a_form_that_is_not_read_is_not_asked_for_again() -> None:
    with pytest.raises(RefusedError, match="a form that infogap does not read: a part has the type 'image_url'"):
        read(reply(content=[{"type": "image_url", "image_url": {"url": "x"}}]))


def test_a_pair_of_tags_that_the_recipe_names() -> None:
    pair = {"open": "<ponder>", "close": "</ponder>"}
    completion = read(reply(content="<ponder>2 and 2</ponder>4"), thinking=pair)
    assert (completion.reasoning, completion.response, completion.tags) == ("2 and 2", "4", ("<ponder>",))
    assert settings(thinking=pair).answer_settings["thinking"] == pair


def test_an_answers_tags_that_the_prompt_asks_for_stay() -> None:
    asking = Request("id", [{"role": "user", "content": "2+2? Answer in <answer> tags."}], seed=7)
    payload = orjson.dumps(reply(content="<think>2</think><answer>4</answer>"))
    completion = chat.read(settings(), asking, URL, 200, {}, payload)
    assert (completion.reasoning, completion.response) == ("2", "<answer>4</answer>")


def test_where_the_thought_opens_is_part_of_what_is_asked() -> None:
    assert settings(thinking="opened").answer_settings != settings().answer_settings
    assert "thinking" not in settings().answer_settings  # so that ids stay what they were


def test_a_refusal_in_place_of_an_answer_is_a_filtered_request() -> None:
    with pytest.raises(RefusedError, match="the model refused: I cannot help with that") as refused:
        read(reply("stop", content=None, refusal="I cannot\nhelp with that."))
    assert refused.value.reason == "filtered"


def test_reply_without_usage_has_unknown_counts() -> None:
    completion = read({"choices": [{"message": {"content": "4"}, "finish_reason": "stop"}], "usage": None})
    assert (completion.prompt_tokens, completion.completion_tokens) == (None, None)


@pytest.mark.parametrize("count", ["11", 11.5, -1, 2**63, True, None, [11]])
def test_counts_that_are_none_are_unknown(count: object) -> None:
    counted = reply(content="4") | {"usage": {"prompt_tokens": count, "completion_tokens": 7}}
    completion = read(counted)
    assert (completion.prompt_tokens, completion.completion_tokens) == (None, 7)


@pytest.mark.parametrize("word", ["content_filter", "SAFETY", "refusal"])
def test_an_answer_that_the_server_filtered_is_none(word: str) -> None:
    with pytest.raises(RefusedError, match=rf"filtered by the server \({word}\)") as caught:
        read(reply(word, content="I can"))
    assert caught.value.reason == "filtered"


def with_logprobs(**changed: Any) -> dict[str, Any]:
    """Two tokens: one of two likely ones, and one that was certain."""
    tokens = [
        {"token": "4", "logprob": log(0.5), "top_logprobs": likeliest(0.5, 0.25)},
        {"token": ".", "logprob": -0.0, "top_logprobs": [{"token": ".", "logprob": 0.0}, {"logprob": -9999.0}]},
    ]
    answer = reply(content="4.")
    answer["choices"][0]["logprobs"] = {"content": tokens} | changed
    return answer


def likeliest(*shares: float) -> list[dict[str, Any]]:
    return [{"token": str(place), "logprob": log(share)} for place, share in enumerate(shares)]


def test_logprobs_are_asked_for_where_the_recipe_says_so() -> None:
    posted = body(logprobs=5)
    assert (posted["logprobs"], posted["top_logprobs"]) == (True, 5)
    assert "logprobs" not in body()


def test_logprobs_and_entropies_of_tokens() -> None:
    completion = read(with_logprobs(), logprobs=2)
    assert completion.token_logprobs == [log(0.5), 0.0]
    rest = -0.25 * log(0.25)
    assert completion.token_entropies == pytest.approx([-0.5 * log(0.5) - 0.25 * log(0.25) + rest, 0.0])


def test_entropies_count_only_as_many_as_were_asked_for() -> None:
    answer = with_logprobs()
    answer["choices"][0]["logprobs"]["content"][0]["top_logprobs"] = likeliest(0.05, 0.5, 0.25)  # the token comes first
    assert read(answer, logprobs=2).token_entropies == pytest.approx(read(with_logprobs(), logprobs=2).token_entropies)


def test_logprobs_that_nobody_asked_for_are_left_out() -> None:
    completion = read(with_logprobs())
    assert (completion.token_logprobs, completion.token_entropies) == (None, None)


def test_a_server_without_logprobs_cannot_be_used_where_they_are_asked_for() -> None:
    with pytest.raises(UnusableError, match="gives no log-probabilities"):
        read(reply(content="4"), logprobs=2)
    assert read(with_logprobs(content=[]), logprobs=2).token_logprobs == []


@pytest.mark.parametrize("beside", [{}, {"top_logprobs": None}, {"top_logprobs": []}])
def test_logprobs_without_those_of_the_likeliest_tokens_would_be_entropies_of_nothing(beside: dict[str, Any]) -> None:
    with pytest.raises(UnusableError, match="gives no log-probabilities of the likeliest tokens"):
        read(with_logprobs(content=[{"token": "4", "logprob": -1.0} | beside]), logprobs=2)


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        (b"<html>oops", "sent invalid JSON: <html>oops"),
        (b"", "sent invalid JSON"),
        ({"choices": []}, "sent no completion"),
        ({"choices": None}, "sent no completion"),
        ([], "sent no completion"),
        ({"choices": [{"message": {"content": 4}, "finish_reason": "stop"}]}, "sent no completion"),
        ({"choices": [{"message": {"content": "4"}, "finish_reason": ["stop"]}]}, "sent no completion"),
        (b"[" * 100_000, "sent invalid JSON"),
        ({"choices": [{"message": None}]}, "sent no completion"),
        ({"error": {"message": "no GPU left"}}, "sent no completion: no GPU left"),
        (reply("abort", content="I c"), "gave the request up"),
    ],
)
def test_replies_without_a_completion_may_pass(payload: object, said: str) -> None:
    with pytest.raises(PassingError, match=said):
        read(payload)
