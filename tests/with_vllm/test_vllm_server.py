"""The openai teacher against vLLM's own server."""

from __future__ import annotations

import math
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from infogap.recipe.teacher_section import Sampling
from infogap.teachers.base import Completion, Request
from infogap.teachers.openai.openai_backend import OpenAITeacher
from infogap.teachers.openai.openai_scoring import OpenAIScorer
from infogap.teachers.openai.openai_teacher import OpenAIServers
from infogap.teachers.scorer import Scored, TextToScore
from with_vllm.reference import Reference

SERVED = "smollm2"
QUESTION = [{"role": "user", "content": "Tell me a story about a dog."}]


@pytest.fixture(scope="module")
def server(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--model", str(model_folder), "--served-model-name", SERVED, "--host", "127.0.0.1", "--port", str(port)]
    engine = ["--dtype", "float32", "--max-model-len", "1024", "--max-num-seqs", "8", "--enforce-eager"]
    command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", *options, *engine]
    log = tmp_path_factory.mktemp("server") / "log"
    with log.open("w") as lines, subprocess.Popen(command, stdout=lines, stderr=lines) as process:
        ends = time.monotonic() + 400
        while not _answers(f"http://127.0.0.1:{port}/health"):
            assert process.poll() is None and time.monotonic() < ends, log.read_text()
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}/v1"
        process.terminate()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False


def ask(server: str, requests: list[Request]) -> dict[str, Completion]:
    settings = OpenAITeacher(
        backend="openai",
        model=SERVED,
        base_url=[server],
        sampling=Sampling(temperature=0.9, max_tokens=24),
        concurrency=16,
        logprobs=3,
    )
    found = list(OpenAIServers(settings).answer(requests))
    assert len(found) == len(requests)
    return {completion.request_id: completion for completion in found}


def test_samples_have_their_seeds_and_log_probabilities(server: str) -> None:
    samples = [Request(str(seed), QUESTION, seed) for seed in range(6)]
    found = ask(server, samples)
    assert len({found[request.request_id].response for request in samples}) == len(samples)
    # Asked alone: what runs beside a request changes its last bits.
    alone = [ask(server, [Request(name, QUESTION, 0)])[name].response for name in ("cached", "once", "again")]
    assert alone[1] == alone[2]
    for completion in found.values():
        assert completion.error is None and completion.finish_reason in {"stop", "length"}
        assert completion.prompt_tokens and completion.completion_tokens
        assert completion.token_logprobs is not None and completion.token_entropies is not None
        assert len(completion.token_logprobs) == completion.completion_tokens == len(completion.token_entropies)
        assert all(0 <= entropy <= math.log(4) for entropy in completion.token_entropies)


def test_a_prompt_that_is_too_long_is_a_row_that_says_so(server: str) -> None:
    long = Request("long", [{"role": "user", "content": "word " * 3000}], 1)
    found = ask(server, [long, Request("short", QUESTION, 1)])
    assert found["long"].finish_reason == "too_long", found["long"]
    assert found["short"].error is None


TOLD = [{"role": "user", "content": "Tell me a story about a dog. The dog is called Wait."}]
TEXT = "Wait was a dog, perhaps. 海 — wide.\nAnd so on."


def score(server: str, *texts: TextToScore) -> dict[str, Scored]:
    scorer = OpenAIScorer(OpenAITeacher(backend="openai", model=SERVED, base_url=[server], concurrency=4))
    scorer.check()
    return {scored.key: scored for scored in scorer.score(texts)}


def test_scores_are_those_of_another_implementation(server: str, model_folder: Path) -> None:
    reference = Reference(model_folder)
    texts = (
        TextToScore(key, messages, TEXT) for key, messages in (("plain", QUESTION), ("told", TOLD), ("alone", None))
    )
    found = score(server, *texts)
    assert all(scored.error is None and scored.tokens == found["plain"].tokens for scored in found.values())
    assert found["plain"].logprobs == pytest.approx(reference.score(QUESTION, TEXT), abs=1e-3)
    assert found["told"].logprobs == pytest.approx(reference.score(TOLD, TEXT), abs=1e-3)
    # Its tokenizer adds no begin-of-text token, and the server does not say whether there is one.
    first, *others = found["alone"].logprobs
    assert math.isnan(first)
    assert others == pytest.approx(reference.score(None, TEXT, begun=False), abs=1e-3)
    offsets = found["plain"].offsets
    assert [TEXT[offset] for offset in offsets[1:3]] == [" ", " "]  # Wait| was| a
    assert list(offsets) == sorted(offsets)


def test_a_text_that_does_not_fit_says_so(server: str) -> None:
    found = score(server, TextToScore("long", QUESTION, "word " * 3000), TextToScore("short", QUESTION, "word"))
    assert "1024" in (found["long"].error or ""), found["long"]
    assert found["short"].error is None
