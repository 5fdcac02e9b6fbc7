"""A command that has nothing to do loads nothing heavy, and one that only reads waits for nobody."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from cli.in_process import infogap
from infogap.runs.run_folder import Run

HEAVY = {
    *("datasets", "huggingface_hub", "numba", "matplotlib", "scipy", "pandas", "pyarrow", "sympy", "math_verify"),
    *("datasketch", "aiohttp", "httpx2", "reasoning_gym", "ray", "obstore", "numpy", "jinja2"),
}
RECIPE = """
name: small
import:
  - from: traces.parquet
    columns: {question: question, answer: answer, solution: solution, trace: text, privilege: privilege}
    verifier: math
measure: {lexicons: [infogap, kim2026]}
dedupe: {scope: all}
derive: [{strip_markers: {}}]
decontaminate: {against: [{from: evaluation.jsonl, column: question}]}
balance: {size: 6, family: uniform, when_short: best_effort}
publish: {license: apache-2.0, configs: [sft, traces]}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("small")
    (folder / "r.yaml").write_text(RECIPE)
    rows = [
        {
            "question": f"What is {n} + 2?",
            "answer": str(n + 2),
            "solution": f"We add 2 to {n}, which gives {n + 2}.",
            "text": f"Wait, {n} and 2. Perhaps that is \\boxed{{{n + 2}}}.",
            "privilege": "solution" if n % 4 == 0 else "unguided",
        }
        for n in range(20)
    ]
    pl.DataFrame(rows).write_parquet(folder / "traces.parquet")
    (folder / "evaluation.jsonl").write_text('{"question": "How far is it from here to the moon, and how long?"}\n')
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
