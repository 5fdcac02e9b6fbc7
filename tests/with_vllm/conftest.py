"""Tests that run the real vLLM, which `make test-vllm` installs; where it is missing they are not collected."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from infogap.recipe.teacher_section import Sampling
from infogap.teachers.vllm.vllm_backend import VllmTeacher
from infogap.teachers.vllm.vllm_teacher import VllmModel
from with_vllm.make_model import make_model

if importlib.util.find_spec("vllm"):
    collect_ignore_glob: list[str] = []
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")  # GiB; by default half of the machine's memory
else:  # and the tests of the Hub, which are collected with these, need it online
    collect_ignore_glob = ["test_*.py"]

ENGINE = {"dtype": "bfloat16", "max_model_len": 1024, "max_num_seqs": 8, "enforce_eager": True}
# The prompt ends inside a thought, which the model ends with a token of its own.
THINKING_TEMPLATE = (
    "{% for message in messages %}{% if message['role'] == 'critic' %}{{ raise_exception('no critics') }}{% endif %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{% endfor %}{{ '<|im_start|>assistant\\n' }}{% if enable_thinking | default(true) %}{{ '<think>\\n' }}{% endif %}"
)


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SmolLM2-135M-Instruct as a folder; where INFOGAP_TEST_MODEL says so, one that is kept between runs."""
    kept = os.environ.get("INFOGAP_TEST_MODEL")
    folder = Path(kept) if kept else tmp_path_factory.mktemp("models") / "SmolLM2-135M-Instruct"
    make_model(folder)
    return folder


@pytest.fixture(scope="session")
def thinking_folder(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same weights as a thinking model: its template opens a thought, its full stop is a special `</think>`."""
    folder = tmp_path_factory.mktemp("models") / "thinking"
    shutil.copytree(model_folder, folder, copy_function=os.link)
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    vocabulary = tokenizer["model"]["vocab"]
    number = vocabulary.pop(".")
    vocabulary["</think>"] = number
    tokenizer["model"]["merges"] = [merge for merge in tokenizer["model"]["merges"] if "." not in merge]
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    tokenizer["added_tokens"].append({"id": number, "content": "</think>", **flags})
    _replace(folder / "tokenizer.json", json.dumps(tokenizer))
    _replace(folder / "chat_template.jinja", THINKING_TEMPLATE)
    return folder


def _replace(path: Path, text: str) -> None:
    path.unlink()  # a link to the file of the other model
    path.write_text(text)


@pytest.fixture(scope="session")
def vllm_model(model_folder: Path) -> Iterator[VllmModel]:
    """The offline teacher with short answers, its tokens' log-probabilities recorded."""
    sampling = Sampling(temperature=0.9, top_p=0.95, max_tokens=24)
    settings = VllmTeacher(backend="vllm", model=str(model_folder), engine=ENGINE, sampling=sampling, logprobs=4)
    model = VllmModel(settings, Path)
    yield model
    model.close()
