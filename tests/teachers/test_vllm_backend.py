"""The vllm backend: which settings shape answers, a model that is a folder, and vLLM that is not installed."""

from __future__ import annotations

import importlib.util
import multiprocessing
import tempfile
from pathlib import Path
from typing import Any

import pytest

from infogap.errors import InputError
from infogap.teachers.vllm.vllm_backend import VllmTeacher, find_model
from infogap.teachers.vllm.vllm_teacher import VllmModel


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


@pytest.mark.skipif(importlib.util.find_spec("vllm") is not None, reason="vLLM is installed")
def test_it_says_how_to_install_it_and_leaves_nothing_behind() -> None:
    def logs() -> set[Path]:
        return set(Path(tempfile.gettempdir()).glob("infogap-vllm-*"))

    before, running = logs(), set(multiprocessing.active_children())
    with pytest.raises(InputError, match=r"needs vLLM; pip install 'infogap\[vllm\]'"):
        VllmModel(VllmTeacher(backend="vllm", model="Qwen/Qwen3-8B"), Path)
    assert logs() <= before
    assert set(multiprocessing.active_children()) <= running


def test_a_folder_is_told_from_a_name_on_the_hub(tmp_path: Path) -> None:
    (tmp_path / "models" / "mine").mkdir(parents=True)
    models = tmp_path / "models"
    assert find_model("models/mine", lambda path: tmp_path / path) == ("mine", str(models / "mine"))
    assert find_model(str(models), lambda path: tmp_path / path) == ("models", str(models))
    assert find_model("Qwen/Qwen3-8B", lambda path: tmp_path / path) == ("Qwen/Qwen3-8B", "Qwen/Qwen3-8B")


@pytest.mark.parametrize("model", ["/nowhere/model", "./model", "../model", "~/no/such/model", "models/of/mine"])
def test_a_path_without_a_folder_is_refused(tmp_path: Path, model: str) -> None:
    with pytest.raises(InputError, match=r"there is no model folder"):
        find_model(model, lambda path: tmp_path / path)
