"""What cannot work is one clear line, and nothing else, at the terminal."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from infogap.errors import ExternalError, InputError
from infogap.teachers.vllm.vllm_engine import engine_config
from with_vllm.runs import run, write_recipe


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ({"tensor_paralel_size": 2}, r"engine\.tensor_paralel_size: .*'tensor_parallel"),
        ({"dtype": "float8"}, r"engine\.dtype: Input should be .*, not 'float8'"),
        ({"max_model_len": 100000}, r"engine: .*max_model_len \(100000\) is greater"),
        ({"quantization": "none-such"}, r"engine: Unknown quantization method: none-such"),
        ({"compilation_config": {"none_such": 1}}, r"engine: none_such: Unexpected keyword argument"),
        ({"model": "other"}, r"engine\.model: the model is the key `model` beside `engine`"),
    ],
    ids=str,
)
def test_a_wrong_argument(model_folder: Path, argument: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said) as refused:
        engine_config(str(model_folder), argument)
    assert "\n" not in str(refused.value)


def test_a_model_that_the_hub_does_not_give() -> None:
    with pytest.raises(ExternalError, match=r"the model org/gone is not on this machine"):
        engine_config("org/gone", {})


def test_one_line_at_the_terminal(tmp_path: Path, model_folder: Path) -> None:
    write_recipe(tmp_path, model_folder)
    ended = run(tmp_path, "--set", "teacher.engine={tensor_parallel_size: many}", "--quiet")
    assert (ended.returncode, ended.stdout) == (2, "")
    said = r"engine\.tensor_parallel_size: Input should be a valid integer, .*, not 'many'\n"
    assert re.fullmatch(said, ended.stderr), ended.stderr


def test_weights_that_are_torn(tmp_path: Path, model_folder: Path) -> None:
    shutil.copytree(model_folder, tmp_path / "torn")
    with (tmp_path / "torn" / "model.safetensors").open("r+b") as file:
        file.truncate(1_000_000)
    write_recipe(tmp_path, tmp_path / "torn")
    ended = run(tmp_path, "--quiet")
    assert ended.returncode == 3
    assert re.fullmatch(r"vLLM does not start: \S*SafetensorError: .* \(its log: \S+\)\n", ended.stderr), ended.stderr
