"""What is published is what TRL's trainers read: each takes a step on its config. Here, because torch is."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from infogap.publish import STAGE
from publish.small_run import RECIPE, build_run

CONFIGS = {"sft": "sft", "dpo": "preference", "sdft": "privileged", "sdpo": "privileged", "grpo": "rl"}


@pytest.fixture(scope="module")
def trained(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    recipe = RECIPE.replace("version: 0.1.0}", "version: 0.1.0, configs: [sft, preference, privileged, rl]}")
    run = build_run(tmp_path_factory.mktemp("run"), recipe)
    STAGE.make(run)
    # In a process of its own: vLLM's, which this one starts, do not go with the threads that training leaves.
    command = [
        sys.executable,
        str(Path(__file__).with_name("train_once.py")),
        str(run.path / "dataset"),
        str(model_folder),
    ]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr[-3000:]
    lines = [json.loads(line) for line in ended.stdout.splitlines() if line.startswith('{"trainer"')]
    return {line["trainer"]: line for line in lines}


@pytest.mark.parametrize("trainer", CONFIGS)
def test_a_trainer_takes_a_step(trained: dict[str, Any], trainer: str) -> None:
    assert trained[trainer]["config"] == CONFIGS[trainer]
    assert trained[trainer]["rows"] > 1
    assert math.isfinite(trained[trainer]["loss"])
    if trainer in ("sft", "dpo"):  # the others sample, and may find nothing to learn
        assert trained[trainer]["loss"] > 0
