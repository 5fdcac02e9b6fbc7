"""Runs of the command line with the vllm teacher, in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from infogap.generate.trace_store import answered

INFOGAP = [sys.executable, "-m", "infogap"]
REQUESTS = 40
RECIPE = """\
name: demo
tasks: [{{from: reasoning_gym, names: [chain_sum], count: 5}}]
teacher:
  backend: vllm
  model: {model}
  engine: {{dtype: bfloat16, max_model_len: 512, max_num_seqs: 4, enforce_eager: true}}
  sampling: {{temperature: 0.9, max_tokens: {max_tokens}}}
  logprobs: 3
generate: {{samples: {samples}, privileges: [unguided, answer]}}
balance: {{verdict: uniform}}
"""


def write_recipe(folder: Path, model: Path, max_tokens: int = 48, samples: int = 4) -> None:
    """Ten requests per sample."""
    (folder / "recipe.yaml").write_text(RECIPE.format(model=model, max_tokens=max_tokens, samples=samples))


def run(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [*INFOGAP, "run", "recipe.yaml", *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@contextmanager
def generating(folder: Path, least: int) -> Iterator[subprocess.Popen[str]]:
    """A run, in a process group of its own as at a terminal, that has at least so many answers."""
    command = [*INFOGAP, "run", "recipe.yaml"]
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        ends = time.monotonic() + 400
        while on_disk(folder) < least:
            assert time.monotonic() < ends
            assert process.poll() is None, process.stderr.read() if process.stderr else ""
            time.sleep(0.02)
        yield process
        process.kill()


def on_disk(folder: Path) -> int:
    return (answered(folder / "runs" / "demo" / "traces") or (0, 0))[0]


def table(folder: Path, name: str) -> pl.DataFrame:
    return pl.read_parquet(sorted((folder / "runs" / "demo" / name).glob("part-*.parquet")))


def descendants(pid: int) -> list[int]:
    """The processes that a process has started, and theirs."""
    try:
        children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        others = [task.name for task in Path(f"/proc/{pid}/task").iterdir() if task.name != str(pid)]
        children += [int(child) for task in others for child in _children_of_thread(pid, task)]
    except FileNotFoundError:
        return []
    return [found for child in children for found in (child, *descendants(child))]


def _children_of_thread(pid: int, task: str) -> list[str]:
    try:
        return Path(f"/proc/{pid}/task/{task}/children").read_text().split()
    except FileNotFoundError:
        return []


def wait_until_gone(pids: list[int], seconds: float) -> list[int]:
    """Those that are still there after so many seconds."""
    ends = time.monotonic() + seconds
    while (left := [pid for pid in pids if _lives(pid)]) and time.monotonic() < ends:
        time.sleep(0.1)
    return left


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (ProcessLookupError, FileNotFoundError):
        return False
