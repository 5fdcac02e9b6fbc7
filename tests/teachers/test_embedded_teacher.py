"""The embedded teacher, with the real model: same request, same answer, whatever came before."""

from __future__ import annotations

import dataclasses
import math
import random
import subprocess
import sys
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from infogap.errors import InputError
from infogap.recipe.teacher_section import Sampling
from infogap.teachers.base import Completion, Request
from infogap.teachers.embedded import embedded_backend
from infogap.teachers.embedded import embedded_teacher as embedded
from infogap.teachers.embedded import gguf_model as gguf
from infogap.teachers.embedded.embedded_backend import EmbeddedTeacher
from infogap.teachers.embedded.embedded_teacher import EmbeddedModel
from infogap.text.chat_template import chat_template

pytestmark = pytest.mark.model

TOPICS = ["a river", "the moon", "tea", "a long river in the north"]
SHORT = Sampling(temperature=0.8, max_tokens=8)


def ask(text: str, seed: int = 1) -> Request:
    return Request(f"{text}/{seed}", [{"role": "user", "content": text}], seed)


def requests() -> list[Request]:
    """Prompts of different lengths that share prefixes, two samples each."""
    return [ask(f"Tell me something about {topic}.", seed) for topic in TOPICS for seed in range(2)]


@pytest.fixture(scope="module")
def answers(embedded_model: EmbeddedModel) -> dict[str, Completion]:
    return {completion.request_id: completion for completion in embedded_model.answer(requests())}


def test_every_request_has_an_answer_with_counts(answers: dict[str, Completion]) -> None:
    assert sorted(answers) == sorted(request.request_id for request in requests())
    for completion in answers.values():
        assert completion.error is None
        assert completion.response
        assert completion.reasoning == ""
        assert completion.prompt_tokens is not None
        assert completion.prompt_tokens > 10
        assert completion.completion_tokens is not None
        assert 1 <= completion.completion_tokens <= 16
        assert completion.finish_reason == ("length" if completion.completion_tokens == 16 else "stop")


def test_seeds_give_different_samples(answers: dict[str, Completion]) -> None:
    samples = [completion.response for completion in answers.values()]
    assert len(set(samples)) == len(samples)


@pytest.mark.parametrize("order", [1, 2])
def test_shuffled_requests_get_the_same_answers(
    embedded_model: EmbeddedModel, answers: dict[str, Completion], order: int
) -> None:
    shuffled = random.Random(order).sample(requests(), k=len(requests()))
    assert {done.request_id: done for done in embedded_model.answer(shuffled)} == answers


def test_part_of_the_requests_from_a_model_loaded_anew_gets_the_same_answers(answers: dict[str, Completion]) -> None:
    model = EmbeddedModel(_settings(), Path)
    try:
        part = requests()[3::2]
        assert {done.request_id: done for done in model.answer(part)} == {
            request.request_id: answers[request.request_id] for request in part
        }
    finally:
        model.close()


def test_prompt_that_continues_the_last_prompt_and_answer_is_evaluated_anew(embedded_model: EmbeddedModel) -> None:
    first = ask("Name a colour.")
    said = embedded_model.complete(first, SHORT).response
    longer = Request(
        "longer",
        [*first.messages, {"role": "assistant", "content": said}, {"role": "user", "content": "Another one."}],
        seed=1,
    )
    right_after = embedded_model.complete(longer, SHORT)
    embedded_model.complete(ask("Something else."), SHORT)
    assert embedded_model.complete(longer, SHORT) == right_after


def test_samples_of_one_prompt_share_its_evaluation(
    embedded_model: EmbeddedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluated: list[int] = []
    read = gguf.GgufContext.read

    def record(context: gguf.GgufContext, tokens: list[int]) -> None:
        evaluated.append(len(tokens))
        read(context, tokens)

    monkeypatch.setattr(gguf.GgufContext, "read", record)
    sampled = list(embedded_model.answer([ask("How do boats float on water?", seed) for seed in range(3)]))
    assert [count for count in evaluated if count > 1] == [(sampled[0].prompt_tokens or 0) - 1]


def test_greedy_ignores_the_seed(embedded_model: EmbeddedModel) -> None:
    greedy = Sampling(temperature=0, max_tokens=8)
    texts = {embedded_model.complete(ask("What is rain?", seed), greedy).response for seed in range(2)}
    assert len(texts) == 1


@pytest.mark.parametrize("narrow", [{"top_k": 1}, {"min_p": 1.0}, {"top_p": 1e-6}])
def test_each_filter_alone_can_narrow_sampling_to_the_greedy_choice(
    embedded_model: EmbeddedModel, narrow: dict[str, float]
) -> None:
    request = ask("What is rain?", seed=3)
    greedy = embedded_model.complete(request, Sampling(temperature=0, max_tokens=8))
    narrowed = Sampling.model_validate({"temperature": 2.0, "max_tokens": 8, **narrow})
    assert embedded_model.complete(request, narrowed) == greedy


def test_filters_that_are_not_set_are_off(embedded_model: EmbeddedModel) -> None:
    """At a high temperature over the whole vocabulary, samples reach tokens that no filter would leave."""
    hot = Sampling(temperature=50.0, max_tokens=8)
    texts = [embedded_model.complete(ask("What is rain?", seed), hot).response for seed in range(4)]
    assert len({text[:4] for text in texts}) == 4


def test_stop_ends_the_answer_before_itself(embedded_model: EmbeddedModel) -> None:
    request = ask("Count from one to ten in digits, separated by commas.", seed=5)
    whole = embedded_model.complete(request, Sampling(temperature=0, max_tokens=40))
    middle = len(whole.response) // 2
    stop = whole.response[middle : middle + 3]
    stopped = embedded_model.complete(request, Sampling(temperature=0, max_tokens=40, stop=["never written", stop]))
    assert stopped.response == whole.response[: whole.response.index(stop)].strip()
    assert stopped.finish_reason == "stop"
    assert (stopped.completion_tokens or 0) < (whole.completion_tokens or 0)


def test_answer_is_shortened_to_what_the_context_leaves() -> None:
    model = EmbeddedModel(_settings(context_length=256), Path)
    try:
        words = "word " * 200
        completion = model.complete(ask(words), Sampling(temperature=0.5, max_tokens=4096))
        assert completion.error is None
        assert (completion.prompt_tokens or 0) + (completion.completion_tokens or 0) <= 256
        too_long = model.complete(ask(words * 2), SHORT)
        assert too_long.finish_reason == "too_long"
        assert too_long.error is not None
        assert too_long.error.startswith("prompt of 4")
        assert too_long.error.endswith("does not fit in the context of 256")
        assert model.complete(ask(words), Sampling(temperature=0.5, max_tokens=4096)) == completion
    finally:
        model.close()


def test_messages_that_the_template_refuses_are_an_error_of_that_request(
    embedded_model: EmbeddedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusing = "{% if messages[0].role == 'system' %}{{ raise_exception('no system role') }}{% endif %}hello"
    monkeypatch.setattr(embedded_model._model, "_render", chat_template(refusing, "", ""))
    refused, fine = embedded_model.answer([Request("s", [{"role": "system", "content": "Be kind."}], 1), ask("Hi")])
    assert refused.finish_reason == "error"
    assert refused.error == "the model's chat template refuses the messages: no system role"
    assert fine.error is None


def test_prompt_that_opens_the_thought_makes_a_cut_answer_reasoning(
    embedded_model: EmbeddedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    render = embedded_model._model._render
    monkeypatch.setattr(embedded_model._model, "_render", lambda messages: render(messages) + "<think>\n")
    completion = embedded_model.complete(ask("What is rain?"), SHORT)
    assert completion.finish_reason == "length"
    assert completion.reasoning
    assert completion.response == ""


def test_characters_cut_by_the_end_are_left_out_and_broken_ones_are_shown() -> None:
    assert embedded._decode("naïve ☂".encode()[:-1]) == "naïve "
    assert embedded._decode(b"a\xffb") == "a\ufffdb"


def test_logprobs_are_recorded_where_asked_and_change_no_answer(answers: dict[str, Completion]) -> None:
    model = EmbeddedModel(_settings(logprobs=5), Path)
    try:
        watched = {done.request_id: done for done in model.answer(requests())}
    finally:
        model.close()
    for request_id, completion in watched.items():
        assert completion.token_logprobs is not None
        assert completion.token_entropies is not None
        assert len(completion.token_logprobs) == len(completion.token_entropies) == completion.completion_tokens
        assert max(completion.token_logprobs) <= 0
        assert 0 <= min(completion.token_entropies) <= max(completion.token_entropies) < math.log(50_000)
        unwatched = answers[request_id]
        assert (unwatched.token_logprobs, unwatched.token_entropies) == (None, None)
        assert dataclasses.replace(completion, token_logprobs=None, token_entropies=None) == unwatched


def test_logprobs_are_the_models_whatever_the_temperature() -> None:
    model = EmbeddedModel(_settings(logprobs=1), Path)
    try:
        greedy = model.complete(ask("Name a colour."), Sampling(temperature=0, max_tokens=6))
        cold = model.complete(ask("Name a colour."), Sampling(temperature=0.001, max_tokens=6))
    finally:
        model.close()
    assert greedy.token_logprobs and greedy.token_entropies
    assert (cold.response, cold.token_logprobs) == (greedy.response, greedy.token_logprobs)
    for logprob, entropy in zip(greedy.token_logprobs, greedy.token_entropies, strict=True):
        likeliest, rest = math.exp(logprob), 1 - math.exp(logprob)  # a greedy token is the likeliest
        assert entropy == pytest.approx(-likeliest * logprob - rest * math.log(rest))
        assert logprob > math.log(1 / 50_000)


def _long_answers(threads: int) -> dict[str, Completion]:
    """Answers long enough that a float that differs would show."""
    sampling = Sampling(temperature=0.8, top_p=0.95, max_tokens=32)
    model = EmbeddedModel(_settings(logprobs=3, threads=threads, sampling=sampling), Path)
    try:
        return {done.request_id: done for done in model.answer(requests())}
    finally:
        model.close()


@pytest.fixture(scope="module")
def answers_of_one_thread() -> dict[str, Completion]:
    return _long_answers(1)


@pytest.mark.parametrize("threads", [2, 5])
def test_number_of_threads_changes_no_answer_and_no_log_probability(
    threads: int, answers_of_one_thread: dict[str, Completion]
) -> None:
    """Texts, and floats to the last bit."""
    assert _long_answers(threads) == answers_of_one_thread
    assert len(answers_of_one_thread) == len(requests())


def test_name_is_the_files(embedded_model: EmbeddedModel) -> None:
    assert embedded_model.name == "SmolLM2-135M-Instruct.Q4_1"


def test_nothing_is_printed() -> None:
    """In a process of its own: llama.cpp writes to the file descriptors, and much of it at exit."""
    script = (
        "from pathlib import Path\n"
        "from infogap.recipe.teacher_section import Sampling\n"
        "from infogap.teachers.embedded.embedded_backend import EmbeddedTeacher\n"
        "from infogap.teachers import Request\n"
        "from infogap.teachers.embedded.embedded_teacher import EmbeddedModel\n"
        "model = EmbeddedModel(EmbeddedTeacher(backend='embedded', threads=1, context_length=256), Path)\n"
        "message = {'role': 'user', 'content': 'What is rain?'}\n"
        "done = model.complete(Request('a', [message], 1), Sampling(max_tokens=2))\n"
        "assert done.error is None\n"
        "model.close()\n"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert (ran.stdout, ran.stderr) == ("", "")


@pytest.mark.parametrize("keep", [0, 3, 100, 50_000])
def test_damaged_file_is_a_clear_error(tmp_path: Path, keep: int, capfd: pytest.CaptureFixture[str]) -> None:
    damaged = tmp_path / "damaged.gguf"
    with embedded_backend.packaged_model().open("rb") as whole:
        damaged.write_bytes(whole.read(keep))
    with pytest.raises(InputError, match=r"damaged\.gguf"):
        EmbeddedModel(_settings(model=str(damaged)), Path)
    assert capfd.readouterr() == ("", "")


def test_missing_parts_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r"there is no model file .*nowhere\.gguf"):
        EmbeddedModel(_settings(model="nowhere.gguf"), lambda name: tmp_path / name)
    with pytest.raises(InputError, match="Qwen/Qwen3-8B is not a model of the embedded backend"):
        EmbeddedModel(_settings(model="Qwen/Qwen3-8B"), lambda name: tmp_path / name)


def test_by_default_a_request_is_answered_on_every_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(3)), raising=False)
    model = EmbeddedModel(_settings(threads=None), Path)
    model.close()
    assert len(model._contexts) == 3


def test_no_more_requests_are_taken_than_one_ahead(embedded_model: EmbeddedModel) -> None:
    taken: list[str] = []

    def source() -> Iterator[Request]:
        for request in requests():
            taken.append(request.request_id)
            yield request

    answering = embedded_model.answer(source())
    assert isinstance(answering, Generator)
    assert next(answering).error is None
    assert len(taken) <= 3  # one answered, one under way, one read ahead
    answering.close()


def _settings(**changed: object) -> EmbeddedTeacher:
    settings = {"backend": "embedded", "threads": 1, "context_length": 1024, "sampling": _SAMPLING}
    return EmbeddedTeacher.model_validate(settings | changed)


_SAMPLING = Sampling(temperature=0.8, top_p=0.95, max_tokens=16)
