"""What a ray teacher is told, as far as it needs no Ray."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from infogap.errors import InputError
from infogap.teachers.ray.ray_teacher import RayCluster, RayTeacher
from infogap.teachers.ray.replicas import _reason
from infogap.teachers.vllm.vllm_backend import VllmTeacher

MODEL: dict[str, Any] = {
    "model": "Qwen/Qwen3-8B",
    "engine": {"tensor_parallel_size": 2, "dtype": "float16"},
    "chat_template_kwargs": {"enable_thinking": False},
    "logprobs": 3,
}


def settings(**given: Any) -> RayTeacher:
    return RayTeacher.model_validate({"backend": "ray", "model": "Qwen/Qwen3-8B"} | given)


def test_its_answers_are_those_of_the_vllm_teacher() -> None:
    vllm = VllmTeacher.model_validate({"backend": "vllm"} | MODEL)
    assert (
        settings(replicas=8, address="head:6379", gpus_per_replica=1, **MODEL).answer_settings == vllm.answer_settings
    )


@pytest.mark.parametrize(
    ("given", "gpus"),
    [
        ({}, 1),
        ({"engine": {"tensor_parallel_size": 4}}, 4),
        ({"engine": {"tensor_parallel_size": 2, "pipeline_parallel_size": 2, "data_parallel_size": 2}}, 8),
        ({"engine": {"tensor_parallel_size": 2}, "gpus_per_replica": 0}, 0),
        ({"gpus_per_replica": 0.5}, 0.5),
    ],
)
def test_a_replica_holds_the_gpus_that_its_engine_uses(given: dict[str, Any], gpus: float) -> None:
    assert settings(**given).gpus == gpus


@pytest.mark.skipif(importlib.util.find_spec("ray") is not None, reason="Ray is installed")
def test_without_ray_it_says_what_to_install() -> None:
    with pytest.raises(InputError, match=r"pip install 'infogap\[ray\]'"):
        RayCluster(settings(), Path)


def test_a_folder_that_is_not_there_is_found_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no model folder"):
        RayCluster(settings(model=str(tmp_path / "nothing")), Path)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (
            "The actor died unexpectedly before finishing this task.\n\tclass_name: OnNode\n\tpid: 27910\nThe actor is "
            "dead because its worker process has died. Worker exit type: SYSTEM_ERROR Worker exit detail: Worker ...",
            "The actor is dead because its worker process has died",
        ),
        (
            "The actor died because of an error raised in its creation task, ray::OnNode.__init__() (pid=27911)\n"
            "  File x, line 5\nModuleNotFoundError: No module named 'infogap'",
            "ModuleNotFoundError: No module named 'infogap'",
        ),
        ("", "Ray gives no reason"),
    ],
)
def test_the_reason_of_a_death_in_one_sentence(said: str, reason: str) -> None:
    assert _reason(said) == reason
