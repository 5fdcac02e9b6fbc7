"""A topped-up run is killed at any point and goes on: the same requests, the same bytes, nothing asked twice."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

import infogap
from balance.test_missing_traces import EVEN_MIX, Serving, make, sometimes, tables, teacher
from infogap.generate.top_up_plan import TopUpPlan
from servers.scripted import ScriptedServer

CONCURRENCY = 4


def killed_at(run: infogap.Run, server: ScriptedServer, requests: int) -> None:
    """Run in a process of its own, and kill it when the server has had so many requests in all."""
    recipe = run.path.parent / "recipe.yaml"
    recipe.write_bytes((run.path / "recipe.yaml").read_bytes())
    command = [sys.executable, "-m", "infogap", "run", str(recipe), "--run", str(run.path), "--quiet"]
    process = subprocess.Popen(command)
    while len(server.bodies) < requests:
        assert process.poll() is None, "the run had ended before it was killed"
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()


def test_a_run_that_is_killed_in_each_of_its_rounds_ends_with_the_same_bytes(tmp_path: Path, serving: Serving) -> None:
    url = serving(teacher(sometimes))
    plain = make(tmp_path / "plain", url, EVEN_MIX, samples=2)
    plain.update(quiet=True)
    rounds = TopUpPlan.read(plain.folder).rounds
    assert len(rounds) >= 2
    total = plain.table("traces").collect().height
    server = teacher(sometimes)
    run = make(tmp_path / "killed", serving(server), EVEN_MIX, samples=2)
    base = total - sum(each.requests for each in rounds)
    for point in (base - 3, base + 2, base + rounds[0].requests + 1):
        killed_at(run, server, max(point, len(server.bodies) + 1))
    assert {state.state for state in run.status()} != {"done"}
    run.update(quiet=True)
    assert tables(run) == tables(plain)
    assert total <= len(server.bodies) <= total + 3 * CONCURRENCY
    assert {state.state for state in run.status()} == {"done"}


@pytest.mark.usefixtures("up_to_the_mix")
def test_a_run_that_ends_after_a_round_is_written_down_asks_that_round(
    tmp_path: Path, serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = teacher(sometimes)
    url = serving(server)
    plain = make(tmp_path / "plain", url, EVEN_MIX, samples=2)
    plain.update(quiet=True)
    asked = len(server.bodies)
    run = make(tmp_path / "ended", url, EVEN_MIX, samples=2)

    def ends(*_: object, **__: object) -> None:
        raise SystemExit

    for _ in range(2):
        with monkeypatch.context() as patch, pytest.raises(SystemExit):
            patch.setattr("infogap.balance.top_up.say", ends)
            run.update(quiet=True)
    assert {state.stage: state.state for state in run.status()}["generate"] == "stale"
    run.update(quiet=True)
    assert tables(run) == tables(plain)
    assert len(server.bodies) == 2 * asked


@pytest.mark.model
@pytest.mark.usefixtures("up_to_the_mix")
def test_the_real_model_fills_a_mix_that_its_first_answers_left_short(tmp_path: Path) -> None:
    tasks = [{"question": f"Say something about the number {n}.", "answer": str(n)} for n in range(4)]
    (tmp_path / "tasks.jsonl").write_text("\n".join(map(json.dumps, tasks)))
    recipe = {
        "name": "topped-up",
        "tasks": [{"from": str(tmp_path / "tasks.jsonl"), "verifier": "exact"}],
        "teacher": {"backend": "embedded", "threads": 1, "sampling": {"max_tokens": 12}},
        "generate": {"samples": 1, "privileges": ["unguided"]},
        "balance": {"verdict": "natural", "size": 10, "top_up": {"rounds": 4}},
    }
    runs = [infogap.Run.create(recipe, tmp_path / name) for name in ("one", "two")]
    for run in runs:
        run.update(quiet=True)
    assert runs[0].table("mix").filter(pl.col("selected")).collect().height == 10
    assert runs[0].table("traces").collect().height >= 10
    assert TopUpPlan.read(runs[0].folder).rounds[0].missing == 6
    assert tables(runs[0]) == tables(runs[1])
    assert {state.state for state in runs[0].status()} == {"done"}
