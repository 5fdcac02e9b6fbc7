"""A model in this process and a server as two teachers of one run: a server that is down, SIGKILL, Ctrl-C."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

import infogap
from cli.in_process import infogap as command
from infogap.generate.trace_store import answered
from infogap.runs.run_folder import Run
from infogap.schema import TOKENS, TRACES
from servers.scripted import ScriptedServer, hanging
from servers.serve import free_port

pytestmark = pytest.mark.usefixtures("without_charts")

Serving = Callable[[ScriptedServer], str]
RECIPE = """\
name: two
tasks: [{{from: tasks.jsonl, verifier: exact}}]
teachers:
  small: {{backend: embedded, threads: 2, logprobs: 2, sampling: {{max_tokens: 16}}}}
  served: {{backend: openai, model: m, base_url: {url}, concurrency: 2, price: {{prompt: 1, completion: 5}}}}
generate: {{samples: 2, privileges: [unguided, {{answer: {{teacher: served}}}}]}}
"""
QUESTIONS = [{"question": f"What is {n} + {n}?", "answer": str(2 * n)} for n in range(6)]


def make_run(folder: Path, recipe: str) -> Run:
    """A run in `folder/runs/two` that has its tasks."""
    (folder / "tasks.jsonl").write_text("\n".join(map(json.dumps, QUESTIONS)))
    (folder / "recipe.yaml").write_text(recipe)
    infogap.Run.create(folder / "recipe.yaml", folder / "runs" / "two").update("tasks", quiet=True)
    return Run.open(folder / "runs" / "two")


def tables(run: Run) -> dict[str, bytes]:
    paths = [path for table in (TRACES, TOKENS) for path in run.part_paths(table)]
    return {str(path.relative_to(run.path)): path.read_bytes() for path in paths}


@pytest.mark.model
def test_a_server_that_is_down_costs_the_other_teacher_nothing(tmp_path: Path, serving: Serving) -> None:
    run = make_run(tmp_path, RECIPE.format(url=f"http://127.0.0.1:{free_port()}/v1"))
    plan = command("check", "recipe.yaml", "--plan", cwd=tmp_path)
    assert plan.returncode == 0, plan.stderr
    assert "requests                        36" in plan.stdout
    assert "at the recipe's prices, without small, which has no price" in plan.stdout
    small, served = (line for line in plan.stdout.splitlines() if line.startswith(("  small", "  served")))
    assert "12 requests: " in small
    assert "24 requests: " in served
    assert "cost " in served

    down = command("generate", "runs/two", cwd=tmp_path)
    assert down.returncode == 3
    assert "teacher served: " in down.stderr.splitlines()[-1]
    states = json.loads(command("status", "runs/two", "--json", cwd=tmp_path).stdout)
    (why,) = next(state["why"] for state in states if state["stage"] == "generate")
    assert why == "12 of 36 requests are answered (small 12 of 12, served 0 of 24)"

    server = ScriptedServer()
    again = make_run(tmp_path, RECIPE.format(url=serving(server)))
    done = command("generate", "runs/two", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(server.bodies) == 24
    table = again.scan(TRACES).collect()
    assert dict(table.group_by("teacher").len().iter_rows()) == {"small": 12, "served": 24}
    recorded = run.scan(TOKENS).collect()
    assert set(recorded["trace_id"]) == set(table.filter(teacher="small")["trace_id"])
    counts = again.manifest(TRACES.name)
    assert counts is not None
    assert counts.counts["teachers"]["served"] == {
        "traces": 24,
        "failed": 0,
        "prompt_tokens": 24 * 11,
        "completion_tokens": 24 * 7,
    }
    assert counts.counts["cost"] == pytest.approx((24 * 11 + 24 * 7 * 5) / 1e6)
    assert [each["name"] for each in counts.part["teachers"]] == ["small", "served"]
    assert counts.part["teachers"][1]["model"] == "m"
    assert "served: 24 traces, 264 prompt tokens, 168 completion tokens, 0.001104 cost" in " ".join(done.stderr.split())


@pytest.mark.model
def test_a_run_killed_under_either_teacher_ends_with_the_bytes_of_an_uninterrupted_one(
    tmp_path: Path, serving: Serving
) -> None:
    (tmp_path / "peace").mkdir()
    (tmp_path / "fire").mkdir()
    peace = make_run(tmp_path / "peace", RECIPE.format(url=serving(ScriptedServer())))
    assert command("generate", "runs/two", cwd=tmp_path / "peace").returncode == 0
    held = True
    server = ScriptedServer(lambda *_: hanging() if held and len(server.bodies) > 6 else None)
    fire = make_run(tmp_path / "fire", RECIPE.format(url=serving(server)))
    for least in (3, 15):  # the first 12 requests are the small model's
        process = subprocess.Popen([sys.executable, "-m", "infogap", "generate", "runs/two"], cwd=tmp_path / "fire")
        wait_for(fire, least)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert (answered(fire.path / "traces") or (36, 36))[0] < 36
    held = False
    assert command("generate", "runs/two", cwd=tmp_path / "fire").returncode == 0
    assert tables(peace) == tables(fire)
    assert len(server.bodies) <= 24 + 2  # what was in flight at the second kill


def test_one_interrupt_finishes_what_is_in_flight_and_asks_no_further_teacher(tmp_path: Path, serving: Serving) -> None:
    first, second = ScriptedServer(seconds=0.5), ScriptedServer()
    teachers = [f"{{backend: openai, model: m, base_url: {serving(each)}, concurrency: 2}}" for each in (first, second)]
    recipe = (
        "name: two\ntasks: [{from: tasks.jsonl, verifier: exact}]\n"
        f"teachers:\n  one: {teachers[0]}\n  other: {teachers[1]}\n"
        "generate: {samples: 2, privileges: [unguided]}\n"
    )
    run = make_run(tmp_path, recipe)
    process = subprocess.Popen(
        [sys.executable, "-m", "infogap", "generate", "runs/two"], cwd=tmp_path, stderr=subprocess.PIPE, text=True
    )
    wait_for(run, 2)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 0
    done, total = answered(run.path / "traces") or (0, 0)
    assert f"stopped as asked: {done} of the 24 requests planned so far are answered and on disk" in said
    assert (total, second.bodies, first.cancelled) == (24, [], 0)
    assert command("generate", "runs/two", cwd=tmp_path).returncode == 0
    assert (len(first.bodies), len(second.bodies)) == (12, 12)
    assert pl.concat(run.parts(TRACES))["error"].null_count() == 24


def wait_for(run: Run, least: int) -> None:
    ends = time.monotonic() + 180  # a busy machine's: the model writes a few tokens a second there
    while (answered(run.path / "traces") or (0, 0))[0] < least:
        assert time.monotonic() < ends
        time.sleep(0.02)
