"""A judge's votes outlive SIGKILL: none that arrived is asked for again, and the verdicts are those of a calm run."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import polars as pl
import pytest
from starlette.responses import Response

from cli.in_process import infogap
from infogap.ids import canonical, digest
from infogap.schema import VERDICTS
from servers.scripted import Body, Reply, ScriptedServer, completion
from servers.serve import serve

_AT_ONCE = 4
_TRACES = 40
_RECIPE = f"""\
name: judged
import:
  - {{from: traces.jsonl, verifier: judge, columns: {{question: q, answer: null, trace: t}}, privilege: unguided}}
verify:
  judge: {{by: {{backend: openai, model: judge, base_url: "%s/v1", concurrency: {_AT_ONCE}}}}}
"""
_RUN = ("run", "recipe.yaml", "--run", "run", "--quiet")
_REPLIES = ('{{"reason": "r", "verdict": "{0}"}}', 'Well: {{"verdict": "{0}"}}', "I do not know")


def _server() -> ScriptedServer:
    """A server whose replies depend on the request alone, after a short while."""

    def script(body: Body, _before: int) -> Reply:
        number = int(digest(body), 16)
        text = _REPLIES[number % 3].format("right" if number % 5 else "wrong")

        async def reply() -> Response:
            await asyncio.sleep(0.05)
            return completion(text)

        return reply

    return ScriptedServer(script)


def _write(folder: Path, url: str) -> None:
    folder.mkdir()
    (folder / "recipe.yaml").write_text(_RECIPE % url)
    rows = [{"q": f"Why {number % 8}?", "t": f"Because of {number}."} for number in range(_TRACES)]
    (folder / "traces.jsonl").write_text("\n".join(map(json.dumps, rows)))


def _finish(folder: Path) -> None:
    """Run the command to its end, in this process: the kills are what wants others."""
    done = infogap(*_RUN, cwd=folder)
    assert done.returncode == 0, done.stderr


def _verdicts(folder: Path) -> list[dict[str, object]]:
    return pl.read_parquet(sorted((folder / "run" / VERDICTS.name).glob("part-*.parquet"))).to_dicts()


@pytest.mark.usefixtures("up_to_the_mix")
def test_a_killed_judge_continues_where_it_was(tmp_path: Path) -> None:
    calm_server, server = _server(), _server()
    with serve(calm_server.app) as url:
        _write(tmp_path / "calm", url)
        _finish(tmp_path / "calm")
    assert len(calm_server.bodies) == 3 * _TRACES
    with serve(server.app) as url:
        _write(tmp_path / "killed", url)
        command = [sys.executable, "-m", "infogap", *_RUN]
        for asked in (30, 70):
            process = subprocess.Popen(command, cwd=tmp_path / "killed", start_new_session=True)
            while len(server.bodies) < asked and process.poll() is None:
                time.sleep(0.01)
            os.killpg(process.pid, signal.SIGKILL)
            assert process.wait() == -signal.SIGKILL
        _finish(tmp_path / "killed")
    times = Counter(Counter(map(canonical, server.bodies)).values())
    assert set(times) <= {1, 2, 3}
    assert len(server.bodies) <= 3 * _TRACES + 2 * _AT_ONCE
    assert _verdicts(tmp_path / "killed") == _verdicts(tmp_path / "calm")
    assert {row["verdict"] for row in _verdicts(tmp_path / "calm")} >= {"correct", "ungradable"}


@pytest.mark.usefixtures("up_to_the_mix")
def test_ctrl_c_waits_for_votes_in_flight_and_the_next_command_continues(tmp_path: Path) -> None:
    server = _server()
    with serve(server.app) as url:
        _write(tmp_path / "stopped", url)
        command = [sys.executable, "-m", "infogap", *_RUN[:-1]]
        process = subprocess.Popen(
            command, cwd=tmp_path / "stopped", start_new_session=True, stderr=subprocess.PIPE, text=True
        )
        while len(server.bodies) < 20 and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate()
        asked = len(server.bodies)
        assert process.returncode == 0, said
        assert f"stopped as asked: {asked} votes of the judge are on disk" in said
        _finish(tmp_path / "stopped")
    assert len(server.bodies) == 3 * _TRACES
