"""A command that has nothing to do loads nothing heavy, and one that only reads waits for nobody."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cli.in_process import infogap
from infogap.runs.run_folder import Run

HEAVY = {
    *("datasets", "huggingface_hub", "numba", "matplotlib", "scipy", "pandas", "pyarrow", "sympy", "math_verify"),
    *("datasketch", "aiohttp", "httpx2", "reasoning_gym", "ray", "obstore"),
}
RECIPE = """
name: small
import: [{from: traces.jsonl, columns: {question: question, answer: answer, trace: text}}]
balance: {size: 10}
publish: {license: apache-2.0, configs: [sft]}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("small")
    (folder / "r.yaml").write_text(RECIPE)
    rows = [{"question": f"{n} + 2?", "answer": str(n + 2), "text": f"Wait. \\boxed{{{n + 2}}}"} for n in range(20)]
    (folder / "traces.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    assert infogap("run", "r.yaml", cwd=folder).returncode == 0
    return folder


@pytest.mark.parametrize("command", ["run r.yaml", "status runs/small", "measure runs/small", "balance runs/small"])
def test_a_finished_run_loads_nothing_heavy(folder: Path, command: str) -> None:
    ran = [sys.executable, "-X", "importtime", "-m", "infogap", *command.split()]
    done = subprocess.run(ran, cwd=folder, capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in re.findall(r"import time:.*\| +(\S+)", done.stderr)}
    assert "polars" in loaded
    assert loaded & HEAVY == set()


@pytest.mark.parametrize("command", ["measure RUN --table", "balance RUN", "verify RUN", "status RUN", "show RUN"])
def test_a_command_that_only_reads_takes_no_lock(folder: Path, command: str) -> None:
    with Run.open(folder / "runs" / "small").lock():
        done = infogap(*command.replace("RUN", "runs/small").split(), cwd=folder)
    assert done.returncode == 0, done.stderr


def test_a_stage_that_has_to_run_waits_for_nobody_else(folder: Path) -> None:
    opened = Run.open(folder / "runs" / "small")
    (opened.path / "measures" / "manifest.json").unlink()
    with opened.lock():
        done = infogap("measure", "runs/small", "--table", cwd=folder)
    assert done.returncode == 3
    assert "is being written by another infogap process" in done.stderr
    assert infogap("measure", "runs/small", cwd=folder).returncode == 0
