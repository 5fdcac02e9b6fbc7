"""Prompts are what `LLM.chat` sends; thoughts are told from answers, special tokens or not."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from vllm import LLM, SamplingParams
from vllm.outputs import CompletionOutput

from infogap.recipe.teacher_section import Sampling
from infogap.teachers.base import Request
from infogap.teachers.vllm.vllm_backend import VllmTeacher
from infogap.teachers.vllm.vllm_teacher import AnswerText, Prompts, VllmModel
from with_vllm.conftest import ENGINE

CHATS = [
    [{"role": "user", "content": "What is 2 + 2?"}],
    [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "  Spaces, \n lines and <|im_end|>  "}],
    [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Yes?"},
        {"role": "user", "content": "Ümläut"},
    ],
]
ARGUMENTS: list[dict[str, Any]] = [{}, {"enable_thinking": False}]


@pytest.fixture(scope="module")
def thinker(thinking_folder: Path) -> Iterator[VllmModel]:
    sampling = Sampling(temperature=0.8, max_tokens=60)
    model = VllmModel(VllmTeacher(backend="vllm", model=str(thinking_folder), engine=ENGINE, sampling=sampling), Path)
    yield model
    model.close()


def test_prompts_are_those_of_llm_chat(thinker: VllmModel, thinking_folder: Path) -> None:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        sent = pool.submit(sent_by_llm_chat, str(thinking_folder)).result()
    for arguments, expected in zip(ARGUMENTS, sent, strict=True):
        prompts = Prompts(thinker._engine.llm, arguments)
        rendered = [asyncio.run(thinker._engine.on_its_loop(prompts.render(chat))) for chat in CHATS]
        assert [prompt["prompt_token_ids"] for prompt in rendered] == expected
        assert all(prompts.opens_thought(tokens) is ("enable_thinking" not in arguments) for tokens in expected)


def sent_by_llm_chat(folder: str) -> list[list[list[int]]]:
    """In a process of its own: it loads the model there."""
    llm = LLM(model=folder, **ENGINE)
    sampling = SamplingParams(max_tokens=1)
    return [
        [list(output.prompt_token_ids) for output in llm.chat(CHATS, sampling, False, chat_template_kwargs=arguments)]
        for arguments in ARGUMENTS
    ]


def test_a_thought_ends_at_its_tag_and_one_that_is_cut_off_is_no_answer(thinker: VllmModel) -> None:
    request = [Request(str(seed), [{"role": "user", "content": "Tell me about cats"}], seed) for seed in range(16)]
    found = list(thinker.answer(request))
    ended = [completion for completion in found if completion.response]
    cut_off = [completion for completion in found if not completion.response]
    assert ended and all(completion.reasoning for completion in ended)
    assert not any("think>" in completion.reasoning for completion in found)
    assert not any("<|im" in completion.response for completion in found)
    assert all(completion.finish_reason in {"length", "stop"} for completion in cut_off)
    short = VllmTeacher(backend="vllm", model="m", sampling=Sampling(temperature=0, max_tokens=3))
    thinker._settings, settings = short, thinker._settings
    try:
        (completion,) = thinker.answer(request[:1])
    finally:
        thinker._settings = settings
    assert (completion.finish_reason, completion.response) == ("length", "")
    assert completion.reasoning


def test_messages_that_the_template_refuses_are_a_row_with_a_reason(thinker: VllmModel) -> None:
    refused = Request("refused", [{"role": "critic", "content": "Is this right?"}], 1)
    found = {completion.request_id: completion for completion in thinker.answer([refused, Request("a", CHATS[0], 1)])}
    assert "refuses the messages" in (found["refused"].error or "")
    assert "no critics" in (found["refused"].error or "")
    assert found["a"].error is None


def test_special_tokens_have_no_text_but_for_the_tags(thinker: VllmModel) -> None:
    tokenizer: Any = thinker._engine.llm.get_tokenizer()
    text = AnswerText(tokenizer)
    assert text.has_special_tags

    def output(tokens: list[int], stop: str | None = None) -> CompletionOutput:
        decoded = tokenizer.decode(tokens, skip_special_tokens=False)
        shown = decoded.partition(stop)[0] if stop else decoded
        return CompletionOutput(0, shown, tokens, None, None, finish_reason="stop", stop_reason=stop)

    thought = tokenizer.encode("I see</think>Four", add_special_tokens=False)
    end = tokenizer.eos_token_id
    stray = tokenizer.convert_tokens_to_ids("<|im_start|>")
    assert text.of(output(thought)) == "I see</think>Four"
    assert text.of(output([*thought[:1], stray, *thought[1:], end])) == "I see</think>Four"
    assert text.of(output([stray, *thought, *tokenizer.encode(" STOP")], "STOP")) == "I see</think>Four "
