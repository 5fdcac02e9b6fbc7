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

from infogap.recipe.teacher import OpenAITeacher, Sampling
from infogap.teachers.base import Completion, Request
from infogap.teachers.openai import OpenAIServers

SERVED = "smollm2"
QUESTION = [{"role": "user", "content": "Tell me a story about a dog."}]


@pytest.fixture(scope="module")
def server(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--model", str(model_folder), "--served-model-name", SERVED, "--host", "127.0.0.1", "--port", str(port)]
    engine = ["--dtype", "bfloat16", "--max-model-len", "1024", "--max-num-seqs", "8", "--enforce-eager"]
    command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", *options, *engine]
    log = tmp_path_factory.mktemp("server") / "log"
    with log.open("w") as lines, subprocess.Popen(command, stdout=lines, stderr=lines) as process:
        ends = time.monotonic() + 180
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
    found = ask(server, [*samples, Request("again", QUESTION, 0)])
    assert len({found[request.request_id].response for request in samples}) == len(samples)
    assert found["again"].response == found["0"].response
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
