"""SIGKILL while a run talks to a provider of batches: the next command ends alike, and pays nothing twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from starlette.responses import Response

from cli.in_process import infogap
from infogap.generate import batch_waiting
from servers.batches import BatchServer, Fate
from servers.serve import serve

RECIPE = """\
name: killed
tasks: [{{from: tasks.jsonl, verifier: exact}}]
teacher: {{backend: openai, model: m, base_url: {url}/v1, mode: batch, batch: {{requests: 4}}, attempts: 3}}
generate: {{samples: 3, privileges: [unguided, answer]}}
balance: {{verdict: uniform}}
"""
PLACES = [
    ("POST", "/v1/files", True),
    ("POST", "/v1/batches", False),
    ("POST", "/v1/batches", True),
    ("GET", "/v1/batches/batch_1", True),
    ("GET", "/content", True),
    ("DELETE", "/v1/files", True),
]


def write_recipe(folder: Path, url: str) -> None:
    folder.mkdir()
    (folder / "recipe.yaml").write_text(RECIPE.format(url=url))
    (folder / "tasks.jsonl").write_text("".join(f'{{"question": "{n}?", "answer": "{n}"}}\n' for n in range(2)))


def tables(folder: Path) -> dict[str, bytes]:
    run = folder / "runs" / "killed"
    return {
        str(path.relative_to(run)): path.read_bytes()
        for name in ("tasks", "traces", "contexts", "verdicts", "measures", "mix")
        for path in (run / name).glob("*.parquet")
    }


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The tables of a run that nothing has disturbed, its requests answered one by one instead of in batches."""
    folder = tmp_path_factory.mktemp("calm") / "run"
    with serve(BatchServer().app) as url:
        write_recipe(folder, url)
        live = ("--set", "teacher.mode=live", "--set", "teacher.batch=null")
        assert infogap("run", "recipe.yaml", *live, cwd=folder).returncode == 0
    return tables(folder)


@pytest.mark.usefixtures("up_to_the_mix")
@pytest.mark.parametrize("place", PLACES, ids=lambda place: f"{place[0]}{place[1]}-{'after' if place[2] else 'before'}")
def test_a_killed_command_is_continued(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: tuple[str, str, bool], calm: dict[str, bytes]
) -> None:
    monkeypatch.setattr(batch_waiting, "FIRST_WAIT", 0.01)
    server = BatchServer(fate=lambda number: Fate("expired", {1: "expire"}) if number == 0 else Fate(looks=0))
    process: subprocess.Popen[bytes] | None = None

    def kill(method: str, path: str, done: bool) -> Response | None:
        if process is not None and method == place[0] and place[1] in path and done == place[2]:
            os.kill(process.pid, signal.SIGKILL)
        return None

    with serve(server.app) as url:
        write_recipe(tmp_path / "killed", url)
        server.before = kill
        process = subprocess.Popen(
            [sys.executable, "-m", "infogap", "run", "recipe.yaml", "-q"], cwd=tmp_path / "killed"
        )
        assert process.wait() == -signal.SIGKILL
        process = None
        done = infogap("run", "recipe.yaml", cwd=tmp_path / "killed")
        assert done.returncode == 0, done.stderr
        assert set(server.paid.values()) == {1}
        assert len(server.paid) == 12
        assert server.contents == {}
    assert tables(tmp_path / "killed") == calm


@pytest.mark.usefixtures("up_to_the_mix")
def test_ctrl_c_ends_the_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = BatchServer(fate=lambda _number: Fate(looks=looks))
    looks = 1_000
    with serve(server.app) as url:
        write_recipe(tmp_path / "stopped", url)
        process = subprocess.Popen(
            [sys.executable, "-m", "infogap", "run", "recipe.yaml"],
            cwd=tmp_path / "stopped",
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr is not None
        for line in process.stderr:
            if "submitted 0:" in line:
                break
        process.send_signal(signal.SIGINT)
        said = process.stderr.read()
        assert process.wait() == 0
        assert "stopped as asked: 0 of the 12 requests planned so far are answered" in said
        assert "3 batches in flight: " in said
        shown = infogap("status", "killed", "--json", cwd=tmp_path / "stopped").stdout
        assert "3 batches in flight: " in shown
        looks = 0
        monkeypatch.setattr(batch_waiting, "FIRST_WAIT", 0.01)
        done = infogap("run", "recipe.yaml", "--no-wait", cwd=tmp_path / "stopped")
        assert done.returncode == 0, done.stderr
    assert "generate  12 rows" in done.stderr
    assert set(server.paid.values()) == {1}
