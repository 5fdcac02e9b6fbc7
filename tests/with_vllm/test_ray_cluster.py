"""The ray teacher with vLLM's real engine in two replicas, on a cluster of this machine alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

INFOGAP = [sys.executable, "-m", "infogap"]
# Both engines would bind their threads to the same cores.
ENVIRONMENT = os.environ | {
    "HF_HUB_OFFLINE": "1",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
}
TASKS, SAMPLES = 12, 4
PATIENCE = 480.0  # seconds until a test gives up
VLLM: dict[str, Any] = {
    "backend": "vllm",
    "model": "model",
    "sampling": {"temperature": 0.7, "max_tokens": 24},
    "engine": {"enforce_eager": True, "dtype": "bfloat16", "max_model_len": 512, "max_num_seqs": 4},
}
RAY = VLLM | {"backend": "ray", "address": "local", "replicas": 2, "gpus_per_replica": 0}


@pytest.fixture(scope="module")
def folder(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("ray")
    (made / "model").symlink_to(model_folder)
    lines = (json.dumps({"question": f"What is {n} times {n}?", "answer": str(n * n)}) for n in range(TASKS))
    (made / "tasks.jsonl").write_text("\n".join(lines))
    return made


def write_recipe(folder: Path, teacher: dict[str, Any]) -> None:
    recipe = {
        "name": "two",
        "tasks": [{"from": "tasks.jsonl", "verifier": "math"}],
        "teacher": teacher,
        "generate": {"samples": SAMPLES, "privileges": ["unguided"]},
    }
    (folder / "recipe.yaml").write_text(json.dumps(recipe))  # JSON is YAML


def run(folder: Path) -> subprocess.Popen[str]:
    command = [*INFOGAP, "run", "recipe.yaml", "--run", "run", "-v"]
    return subprocess.Popen(
        command, cwd=folder, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def replicas_of(driver: int) -> Iterator[int]:
    """The processes of the replicas that the command has started, directly or not."""
    listed = subprocess.run(["ps", "-eo", "pid,ppid,args"], capture_output=True, text=True, check=True).stdout
    rows = [line.split(None, 2) for line in listed.splitlines()[1:]]
    parents = {int(pid): int(parent) for pid, parent, _ in rows}
    for pid, _, name in rows:
        ancestor = int(pid)
        while ancestor in parents and ancestor != driver:
            ancestor = parents[ancestor]
        if ancestor == driver and name.startswith("ray::OnNode"):
            yield int(pid)


def answered(folder: Path) -> int:
    return sum(path.read_bytes().count(b"\n") for path in (folder / "run" / "traces").glob("*.jsonl"))


def test_a_replica_dies_and_every_request_is_answered_once(folder: Path) -> None:
    write_recipe(folder, RAY)
    with run(folder) as process:
        deadline = time.monotonic() + PATIENCE
        while answered(folder) < 4 and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.1)
        victims = list(replicas_of(process.pid))
        if victims:
            os.kill(victims[0], signal.SIGKILL)
        output, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, output
    assert len(victims) == 2, output
    assert "died and is restarted: The actor is dead because its worker process has died" in output
    traces = pl.read_parquet(folder / "run" / "traces" / "*.parquet")
    assert traces.height == traces["trace_id"].n_unique() == TASKS * SAMPLES
    assert traces["error"].null_count() == traces.height
    assert list(replicas_of(process.pid)) == []


def test_the_vllm_teacher_takes_the_run_up_without_asking_again(folder: Path) -> None:
    before = (folder / "run" / "traces" / "part-00000.parquet").read_bytes()
    write_recipe(folder, VLLM)
    with run(folder) as process:
        output, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, output
    assert (folder / "run" / "traces" / "part-00000.parquet").read_bytes() == before
