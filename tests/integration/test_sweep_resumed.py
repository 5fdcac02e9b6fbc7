"""`infogap sweep` killed, interrupted and run again sends each request once; its table fits 80 columns."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pytest

from cli.in_process import infogap
from servers.scripted import ScriptedServer

pytestmark = pytest.mark.usefixtures("without_charts")

Serving = Callable[[ScriptedServer], str]
RECIPE = """\
name: demo
tasks: [{{from: tasks.jsonl, verifier: exact}}]
teacher: {{backend: openai, model: m, base_url: {url}, concurrency: 4}}
generate: {{samples: 2, privileges: [unguided]}}
balance: {{verdict: uniform}}
"""
TASKS = "".join(f'{{"question": "What is {n} + {n}?", "answer": "{2 * n}"}}\n' for n in range(20))
GRID = ["--set", "generate.samples=1,3", "--set", "balance.size=5,9"]
REQUESTS = 60
CELLS = [f"generate.samples-{samples}_balance.size-{size}" for samples in (1, 3) for size in (5, 9)]


@contextmanager
def sweeping(folder: Path, url: str, until: Callable[[], bool]) -> Iterator[subprocess.Popen[str]]:
    """A sweep that has got so far."""
    (folder / "tasks.jsonl").write_text(TASKS)
    (folder / "recipe.yaml").write_text(RECIPE.format(url=url))
    command = [sys.executable, "-m", "infogap", "sweep", "recipe.yaml", *GRID]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=folder, stdout=pipe, stderr=pipe, text=True) as process:
        ends = time.monotonic() + 60
        while not until():
            assert time.monotonic() < ends
            assert process.poll() is None
            time.sleep(0.02)
        yield process
        process.kill()


def asked(*servers: ScriptedServer) -> list[tuple[str, int]]:
    return [(body["messages"][0]["content"], body["seed"]) for server in servers for body in server.bodies]


def finished(folder: Path, serving: Serving) -> ScriptedServer:
    """Run the sweep to its end against a fast server."""
    server = ScriptedServer()
    (folder / "recipe.yaml").write_text(RECIPE.format(url=serving(server)))
    done = infogap("sweep", "recipe.yaml", *GRID, cwd=folder)
    assert done.returncode == 0, done.stderr
    return server


def tables(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.glob("sweeps/demo/*/*/part-*.parquet")}


def test_a_killed_sweep_goes_on_where_it_was(tmp_path: Path, serving: Serving) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    whole.mkdir()
    broken.mkdir()
    (whole / "tasks.jsonl").write_text(TASKS)
    assert len(finished(whole, serving).bodies) == REQUESTS
    slow = ScriptedServer(seconds=0.2)
    with sweeping(broken, serving(slow), lambda: len(slow.bodies) > 12) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
    second = broken / "sweeps" / "demo" / CELLS[0]
    slow_too = ScriptedServer(seconds=0.05)
    with sweeping(broken, serving(slow_too), (second / "traces" / "manifest.json").is_file) as process:
        process.send_signal(signal.SIGKILL)  # between two cells, or in the midst of the later ones
        process.wait()
    assert finished(broken, serving).bodies == []
    in_flight = len(asked(slow, slow_too)) - REQUESTS
    assert 0 <= in_flight <= 4
    assert len(set(asked(slow, slow_too))) == REQUESTS
    assert tables(broken) == tables(whole)
    for name in ("sweep.csv", "sweep.json"):
        assert (broken / "sweeps" / "demo" / name).read_bytes() == (whole / "sweeps" / "demo" / name).read_bytes()


def test_one_interrupt_ends_a_sweep_cleanly(tmp_path: Path, serving: Serving) -> None:
    slow = ScriptedServer(seconds=0.3)
    with sweeping(tmp_path, serving(slow), lambda: len(slow.bodies) > 8) as process:
        process.send_signal(signal.SIGINT)
        shown, said = process.communicate(timeout=60)
    assert process.returncode == 0
    assert said.splitlines()[-1].startswith("generate.samples=3, balance.size=5: stopped as asked: ")
    assert said.splitlines()[-1].endswith("the same command continues from there")
    assert shown.count("not finished; the same command continues") == 4
    assert "Traceback" not in said
    states = pl.read_csv(tmp_path / "sweeps" / "demo" / "sweep.csv")["state"].to_list()
    assert states == ["missing"] * 4
    assert slow.cancelled == 0

    rest = finished(tmp_path, serving)
    assert len(set(asked(slow, rest))) == len(asked(slow, rest)) == REQUESTS


def test_a_shortfall_ends_with_4_after_the_whole_table(tmp_path: Path, serving: Serving) -> None:
    (tmp_path / "tasks.jsonl").write_text(TASKS)
    (tmp_path / "recipe.yaml").write_text(RECIPE.format(url=serving(ScriptedServer())))
    short = infogap("sweep", "recipe.yaml", "--set", "balance.size=500,5", "--run", "mine", cwd=tmp_path)
    assert short.returncode == 4
    assert max(map(len, short.stdout[: short.stdout.index("\nbalance.size=500")].splitlines())) <= 80
    assert "balance.size=500: the targets of a mix of 500 traces cannot all be met" in short.stdout
    assert short.stderr.splitlines()[-1] == (
        "1 of 2 cells fall short of their target: balance.size-500; mine/sweep.json says by how much"
    )
    again = infogap("sweep", "recipe.yaml", "--set", "balance.size=500,5", "--run", "mine", "--json", cwd=tmp_path)
    assert again.returncode == 4
    cells = json.loads(again.stdout)["cells"]
    assert [(cell["state"], cell["mix"], cell["target"]) for cell in cells] == [("short", None, 500), ("done", 5, 5)]
    assert infogap("status", "mine/balance.size-5", cwd=tmp_path).returncode == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "a sweep needs a setting with several values"),
        (["--set", "balance.size=5"], "a sweep needs a setting with several values"),
        (["--set", "balance.size=5,x"], "--set balance.size=x: balance.size: "),
        (["--set", "balance.sise=5,6"], "did you mean 'size'?"),
        (["--set", "balance.size=5,05"], "balance.size=5 and balance.size=05 are the same recipe"),
        (["--set", "balance.size=5,6", "--run", "tasks.jsonl"], "tasks.jsonl is a file"),
    ],
)
def test_a_bad_setting_is_refused_before_anything_runs(
    options: list[str], said: str, tmp_path: Path, serving: Serving
) -> None:
    server = ScriptedServer()
    (tmp_path / "tasks.jsonl").write_text(TASKS)
    (tmp_path / "recipe.yaml").write_text(RECIPE.format(url=serving(server)))
    refused = infogap("sweep", "recipe.yaml", *options, cwd=tmp_path)
    assert refused.returncode == 2
    assert said in refused.stderr
    assert refused.stdout == ""
    assert server.bodies == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["recipe.yaml", "tasks.jsonl"]


@pytest.mark.model
def test_the_real_model_is_asked_once(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text(
        "name: demo\n"
        "tasks: [{from: reasoning_gym, names: [chain_sum], count: 2}]\n"
        "teacher: {backend: embedded, sampling: {max_tokens: 16}}\n"
        "generate: {samples: 1, privileges: [unguided]}\n"
        "measure: {gap: {}}\n"
        "balance: {verdict: uniform, leak: keep, when_short: shrink}\n"
    )
    grid = ["--set", "generate.samples=1,2", "--set", "generate.privileges=[unguided],[unguided, answer]"]
    made = infogap("sweep", "recipe.yaml", *grid, "--json", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    assert [cell["traces"] for cell in json.loads(made.stdout)["cells"]] == [2, 4, 4, 8]
    sweep = tmp_path / "sweeps" / "demo"
    frames = [pl.read_parquet(path) for path in sweep.glob("*/traces/part-*.parquet")]
    texts = pl.concat(frames).unique(["trace_id", "response"])
    assert texts.height == texts["trace_id"].n_unique() == 8
    assert made.stderr.count("prompt tokens") == 4
    again = infogap("sweep", "recipe.yaml", *grid, cwd=tmp_path)
    assert again.returncode == 0
    assert " rows\n" not in again.stderr
