"""What cannot work is one clear line, and nothing else, at the terminal."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from with_vllm.runs import run, write_recipe


@pytest.mark.parametrize(
    ("setting", "code", "said"),
    [
        (
            "teacher.engine={tensor_paralel_size: 2}",
            2,
            r"teacher\.engine\.tensor_paralel_size: .*'tensor_parallel",
        ),
        ("teacher.engine={dtype: float8}", 2, r"teacher\.engine\.dtype: Input should be .*, not 'float8'"),
        ("teacher.engine={max_model_len: 100000}", 2, r"teacher\.engine: .*max_model_len \(100000\) is greater"),
        ("teacher.engine={model: other}", 2, r"teacher\.engine\.model: the model is teacher\.model"),
        ("teacher.model=./gone", 2, r"teacher\.model: there is no folder .*gone"),
        ("teacher.model=org/gone", 3, r"teacher\.model: org/gone is not on this machine"),
    ],
)
def test_a_wrong_setting(tmp_path: Path, model_folder: Path, setting: str, code: int, said: str) -> None:
    write_recipe(tmp_path, model_folder)
    ended = run(tmp_path, "--set", setting, "--quiet")
    assert (ended.returncode, ended.stdout) == (code, "")
    assert re.fullmatch(said + ".*\n", ended.stderr), ended.stderr


def test_weights_that_are_torn(tmp_path: Path, model_folder: Path) -> None:
    shutil.copytree(model_folder, tmp_path / "torn")
    with (tmp_path / "torn" / "model.safetensors").open("r+b") as file:
        file.truncate(1_000_000)
    write_recipe(tmp_path, tmp_path / "torn")
    ended = run(tmp_path, "--quiet")
    assert ended.returncode == 3
    assert re.fullmatch(r"vLLM does not start: \S*SafetensorError: .* \(its log: \S+\)\n", ended.stderr), ended.stderr
