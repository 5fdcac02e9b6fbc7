"""What of a vllm teacher's settings shapes its answers."""

from __future__ import annotations

from typing import Any

import pytest

from infogap.teachers.vllm.vllm_backend import VllmTeacher


def settings(**given: Any) -> dict[str, Any]:
    return VllmTeacher.model_validate({"backend": "vllm", "model": "Qwen/Qwen3-8B"} | given).answer_settings


@pytest.mark.parametrize(
    "engine",
    [
        {"tensor_parallel_size": 4},
        {"data_parallel_size": 2},
        {"gpu_memory_utilization": 0.8, "max_num_seqs": 512, "enforce_eager": True},
    ],
)
def test_where_and_how_fast_it_runs_is_no_part_of_an_answer(engine: dict[str, Any]) -> None:
    assert settings(engine=engine) == settings()


@pytest.mark.parametrize(
    "given",
    [
        {"engine": {"dtype": "float16"}},
        {"engine": {"quantization": "fp8"}},
        {"engine": {"max_model_len": 8192}},
        {"engine": {"an_argument_of_next_year": 1}},
        {"chat_template_kwargs": {"enable_thinking": False}},
        {"sampling": {"temperature": 0}},
        {"logprobs": 5},
    ],
)
def test_what_is_computed_is(given: dict[str, Any]) -> None:
    assert settings(**given) != settings()
