"""Five thousand requests to a server that fails in every way: each ends as one row, also where the run is killed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from cli import in_process
from infogap.generate.trace_store import answered
from infogap.ids import file_digest
from infogap.recipe import load_recipe
from infogap.runs.run_folder import Run
from infogap.schema import TRACES
from servers.hostile import doom

REQUESTS = 2_000
RECIPE = """\
name: hostile
tasks: [{{from: tasks.jsonl, verifier: exact}}]
teacher: {{backend: openai, model: m, base_url: "{url}", concurrency: 256, timeout: 5, attempts: 12}}
generate: {{samples: 4, privileges: [unguided]}}
"""
# The command line as it is, but for waits that would make the test last minutes.
COMMAND = (
    "from infogap.cli import main\nfrom infogap.teachers.openai import http_servers as servers\n"
    "servers.FIRST_WAIT, servers.LONGEST_WAIT = {}\nmain()"
).format("0.05, 0.2")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "servers.hostile", str(tmp_path / "answered.log")]
    tests = Path(__file__).parents[1]
    with subprocess.Popen(command, cwd=tests, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.kill()


def make_run(folder: Path, url: str, name: str) -> Run:
    """A run that has its tasks."""
    tasks = ({"question": f"{number}?", "answer": str(number)} for number in range(REQUESTS // 4))
    (folder / "tasks.jsonl").write_text("".join(json.dumps(task) + "\n" for task in tasks))
    (folder / "recipe.yaml").write_text(RECIPE.format(url=url))
    run = Run.create(load_recipe(folder / "recipe.yaml"), folder / name)
    run.save_recipe()
    made = in_process.infogap("tasks", run.path)
    assert made.returncode == 0, made.stderr
    return run


def infogap(stage: str, run: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", COMMAND, stage, str(run)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def finish(process: subprocess.Popen[str]) -> None:
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output


def kill_at(process: subprocess.Popen[str], traces: Path, rows: int) -> None:
    while (answered(traces) or (0, 0))[0] < rows:
        assert process.poll() is None, "the run had ended before it was killed"
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()


def on_disk(traces: Path) -> set[int]:
    """The seeds of the requests whose answers are in parts and journals."""
    parts = [pl.read_parquet(path) for path in traces.glob("part-*.parquet")]
    whole = [line for path in traces.glob("journal-*.jsonl") for line in path.read_bytes().split(b"\n")[:-1]]
    rows = [row for part in parts for row in part.to_dicts()] + [json.loads(line) for line in whole]
    return {row["seed"] for row in rows if row["error"] is None}


def digests(run: Run) -> dict[str, str]:
    return {path.name: file_digest(path) for path in run.part_paths(TRACES)}


def test_every_request_ends_as_one_row_whatever_the_server_does(tmp_path: Path, server: str) -> None:
    log = tmp_path / "answered.log"
    peace, killed = make_run(tmp_path, server, "peace"), make_run(tmp_path, server, "killed")

    finish(infogap("generate", peace.path))
    table = pl.concat(list(peace.parts(TRACES)))
    assert table["trace_id"].n_unique() == table.height == REQUESTS
    dooms = [doom(seed) or "stop" for seed in table["seed"]]
    assert table["finish_reason"].to_list() == dooms
    assert set(dooms) == {"stop", "error", "filtered", "too_long"}
    failed = table.filter(pl.col("finish_reason") != "stop")
    assert failed["error"].null_count() == 0
    answers = [int(line) for line in log.read_text().split()]
    assert Counter(answers) == Counter(table.filter(pl.col("error").is_null())["seed"].to_list())  # none twice

    log.unlink()
    traces = killed.path / TRACES.name
    kill_at(infogap("generate", killed.path), traces, REQUESTS * 2 // 5)
    kept = on_disk(traces)
    before = len(log.read_text().split())
    assert REQUESTS // 3 < len(kept) < REQUESTS
    finish(infogap("generate", killed.path))
    again = {int(line) for line in log.read_text().split()[before:]}
    assert not again & kept
    assert again | kept == set(answers)
    assert digests(killed) == digests(peace)
