"""Tests of exported files with trainers' own code, which `make test-trainers` installs; elsewhere none is collected."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infogap.publish.export import export
from infogap.runs import manifest
from infogap.runs.run_folder import Run
from infogap.schema import MIX, TASKS, TRACES
from publish.pair_run import run_of
from publish.recovery_run import recovery_run
from publish.small_run import build_run

TRAINERS = ("axolotl", "swift", "verl", "unsloth")
THERE = all(importlib.util.find_spec(name) for name in TRAINERS)
collect_ignore_glob = [] if THERE else ["test_*.py"]
if THERE:
    os.environ |= {"HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""}

CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' }}"
    "{% if message.reasoning_content %}{{ '<think>\\n' + message.reasoning_content + '\\n</think>\\n\\n' }}{% endif %}"
    "{{ message['content'] + '<|im_end|>' + '\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
Export = Callable[..., Path]


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return build_run(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="session")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Run:
    cells = [{"task": task, "verdict": verdict} for task in range(3) for verdict in ("correct", "wrong")]
    run = run_of(tmp_path_factory.mktemp("pairs"), cells)
    files = manifest.describe_files(run.path, run.part_paths(MIX))
    manifest.write(run.manifest_path("mix"), manifest.Manifest("mix", 1, "print", {}, {}, 1, {}, files))
    return run


ATTEMPTS: list[dict[str, Any]] = [
    cell | {"task": task} for task in range(3) for cell in ({"verdict": "wrong"}, {"reasoning": "No, it is not."})
]


@pytest.fixture(scope="session")
def recovered(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return recovery_run(tmp_path_factory.mktemp("recovered"), ATTEMPTS)


@pytest.fixture(scope="session")
def exported(small: Run, pairs: Run, recovered: Run, tmp_path_factory: pytest.TempPathFactory) -> Export:
    """`exported(form, ending)`: the path of a file in that format."""
    folder = tmp_path_factory.mktemp("files")

    def write(form: str, ending: str = ".jsonl", **asked: Any) -> Path:
        file = folder / f"{form}{ending}"
        run = recovered if form.endswith("recovery") else pairs if form.endswith("dpo") else small
        export(run, file, form, **asked)
        return file

    return write


@pytest.fixture(scope="session")
def written(small: Run, pairs: Run) -> dict[str, tuple[str, str, str]]:
    """The prompt, thought and response of each trace of both runs."""
    rows = [
        row
        for run in (small, pairs)
        for row in run.scan(TRACES).join(run.scan(TASKS), on="task_id").collect().iter_rows(named=True)
    ]
    end = "\n\nEnd with the answer in \\boxed{}."
    return {row["trace_id"]: (row["question"] + end, row["reasoning"], row["response"]) for row in rows}


def inline(thought: str, response: str) -> str:
    return f"<think>\n{thought}\n</think>\n\n{response}" if thought else response


@pytest.fixture(scope="session")
def tokenizer() -> Any:
    """A tokenizer of bytes with a chat template that reads `reasoning_content`."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    of_bytes = Tokenizer(models.BPE(vocab={letter: index for index, letter in enumerate(alphabet)}, merges=[]))
    of_bytes.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    of_bytes.decoder = decoders.ByteLevel()
    of_bytes.add_special_tokens(["<|im_start|>", "<|im_end|>"])
    made = PreTrainedTokenizerFast(tokenizer_object=of_bytes, eos_token="<|im_end|>", pad_token="<|im_end|>")
    made.chat_template = CHATML
    return made
