"""The vllm teacher in this process: seeds, log-probabilities, prompts, failures, one answer at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator

from infogap.teachers.base import Completion, Request
from infogap.teachers.vllm.vllm_teacher import VllmModel


def asked(question: str, seed: int) -> Request:
    return Request(f"{question}-{seed}", [{"role": "user", "content": question}], seed)


def answers(model: VllmModel, requests: list[Request]) -> dict[str, Completion]:
    found = list(model.answer(requests))
    assert len(found) == len(requests)
    return {completion.request_id: completion for completion in found}


SAMPLES = [asked("Tell me a story about a dog.", seed) for seed in range(6)]


def test_samples_of_one_prompt_differ(vllm_model: VllmModel) -> None:
    found = answers(vllm_model, SAMPLES)
    assert len({found[request.request_id].response for request in SAMPLES}) == len(SAMPLES)


def test_a_seed_decides_the_answer_of_a_request_by_itself(vllm_model: VllmModel) -> None:
    """Asked alone, as vLLM's last bits depend on what runs beside a request: with that, so do sampled texts."""
    for request in SAMPLES[:2]:
        answers(vllm_model, [request])  # its prompt is in the cache from now on
        assert answers(vllm_model, [request]) == answers(vllm_model, [request])


def test_tokens_have_log_probabilities_and_entropies(vllm_model: VllmModel) -> None:
    for completion in answers(vllm_model, SAMPLES).values():
        assert completion.token_logprobs is not None and completion.token_entropies is not None
        assert completion.finish_reason in {"stop", "length"}
        assert len(completion.token_logprobs) == len(completion.token_entropies) == completion.completion_tokens
        assert all(logprob <= 0 for logprob in completion.token_logprobs)
        assert all(0 <= entropy <= math.log(5) for entropy in completion.token_entropies)
        # A token is about as unlikely as the entropy at its place says, on the average.
        assert sum(completion.token_entropies) > 0.2 * -sum(completion.token_logprobs)


def test_a_prompt_that_is_too_long_is_found_before_it_is_sent(vllm_model: VllmModel) -> None:
    found = answers(vllm_model, [asked("word " * 2000, 1), SAMPLES[0], asked("word " * 900, 1)])
    long = found[asked("word " * 2000, 1).request_id]
    assert long.finish_reason == "too_long"
    assert "tokens does not fit in the context of 1024" in (long.error or "")
    assert found[SAMPLES[0].request_id].error is None


def test_an_answer_ends_where_the_context_does(vllm_model: VllmModel) -> None:
    (completion,) = vllm_model.answer([asked("word " * 980, 1)])
    assert completion.error is None and completion.prompt_tokens is not None
    assert completion.prompt_tokens + (completion.completion_tokens or 0) <= 1024


def test_requests_are_taken_only_as_the_engine_needs_them(vllm_model: VllmModel) -> None:
    taken = 0

    def many() -> Iterator[Request]:
        nonlocal taken
        for number in range(1_000_000):
            taken += 1
            yield asked("Hello", number)

    finished = vllm_model.answer(many())
    most_ahead = 0
    for done in range(1, 31):
        next(finished)
        most_ahead = max(most_ahead, taken - done)
    finished.close()  # type: ignore[attr-defined]
    assert 8 < most_ahead <= 4 * 8
    # What was in flight is given up, and the engine goes on with the next ones.
    assert len(answers(vllm_model, SAMPLES)) == len(SAMPLES)
