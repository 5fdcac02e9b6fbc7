"""A run killed while it writes critiques and lessons goes on: the same bytes, and no finished request is sent twice."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.in_process import infogap
from generate.note_writing import asks_critique, asks_lesson, writer
from generate.test_critiques import every_table
from infogap.runs.run_folder import Run
from servers.scripted import Body, ScriptedServer

CONCURRENCY = 4
Serving = Callable[[ScriptedServer], str]


def write_recipe(folder: Path, url: str) -> Path:
    folder.mkdir()
    rows = [{"question": f"What is {number}?", "answer": str(number)} for number in range(1, 9)]
    (folder / "tasks.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    (folder / "recipe.yaml").write_text(
        "name: demo\ntasks: [{from: tasks.jsonl}]\ndedupe: null\n"
        f"teacher: {{backend: openai, model: m, base_url: {url}, concurrency: {CONCURRENCY}}}\n"
        "generate: {samples: 2, privileges: [unguided, critique, {lessons: {pool: 6, count: 2}}]}\n"
    )
    return folder / "recipe.yaml"


def command(recipe: Path) -> list[str]:
    return ["run", str(recipe), "--run", str(recipe.parent / "run"), "--quiet"]


def finish(recipe: Path) -> None:
    """Run to the end, in this process."""
    done = infogap(*command(recipe))
    assert done.returncode == 0, done.stderr


def killed_once(recipe: Path, server: ScriptedServer, reached: Callable[[Body], bool], times: int) -> None:
    """Kill the command when the server has had so many requests of a kind, in all."""
    process = subprocess.Popen([sys.executable, "-m", "infogap", *command(recipe)], stdout=subprocess.DEVNULL)
    while sum(map(reached, list(server.bodies))) < times:
        assert process.poll() is None, "the run had ended before it was killed"
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()


@pytest.mark.usefixtures("up_to_the_mix")
def test_killed_in_each_wave_and_in_the_round_after(tmp_path: Path, serving: Serving) -> None:
    plain = write_recipe(tmp_path / "plain", serving(writer()))
    finish(plain)
    server = slow(writer())
    recipe = write_recipe(tmp_path / "killed", serving(server))
    killed_once(recipe, server, asks_critique, 2)
    killed_once(recipe, server, asks_lesson, 2)
    killed_once(recipe, server, lambda body: "A critique of this attempt" in body["messages"][0]["content"], 1)
    finish(recipe)
    assert every_table(Run.open(recipe.parent / "run")) == every_table(Run.open(plain.parent / "run"))
    texts = [json.dumps(body, sort_keys=True) for body in server.bodies]
    assert len(texts) - len(set(texts)) <= 3 * CONCURRENCY


def slow(server: ScriptedServer) -> ScriptedServer:
    """Let every answer take a moment, so that a kill comes between two of them."""
    script = server._script
    assert script is not None

    def slowed(body: Body, before: int):  # type: ignore[no-untyped-def]  # as the script
        time.sleep(0.02)
        return script(body, before)

    server._script = slowed
    return server
