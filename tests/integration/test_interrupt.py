"""Ctrl-C during generation: the first lets what is in flight finish, a second stops at once; either can be resumed."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cli import in_process
from infogap.generate.trace_store import answered
from servers.scripted import ScriptedServer, hanging

pytestmark = pytest.mark.usefixtures("up_to_the_mix")  # in this process: what is asked for then is all before it
Serving = Callable[[ScriptedServer], str]
RECIPE = """\
name: demo
tasks: [{{from: tasks.jsonl, verifier: exact}}]
teacher: {{backend: openai, model: m, base_url: {url}, concurrency: 4}}
generate: {{samples: 2, privileges: [unguided]}}
balance: {{verdict: uniform}}
"""
TASKS = "".join(f'{{"question": "What is {n} + {n}?", "answer": "{2 * n}"}}\n' for n in range(20))
INFOGAP = [sys.executable, "-m", "infogap"]
WITH_A_SHORT_WAIT = [
    sys.executable,
    "-c",
    "from infogap.cli import main; from infogap import interrupts; interrupts.LONGEST_WAIT = 0.5; main()",
]


@contextmanager
def generating(folder: Path, url: str, least: int, infogap: list[str] = INFOGAP) -> Iterator[subprocess.Popen[str]]:
    """A run of 40 requests that has got at least so many answers."""
    (folder / "tasks.jsonl").write_text(TASKS)
    (folder / "recipe.yaml").write_text(RECIPE.format(url=url))
    command = [*infogap, "run", "recipe.yaml"]
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True) as process:
        ends = time.monotonic() + 60
        while (on_disk(folder) or (-1, 0))[0] < least:
            assert time.monotonic() < ends
            time.sleep(0.02)
        yield process
        process.kill()


def on_disk(folder: Path) -> tuple[int, int] | None:
    return answered(folder / "runs" / "demo" / "traces")


def asked_to_finish(folder: Path, serving: Serving) -> list[tuple[str, int]]:
    """Run again, to the end, against a fast server; gives what it was asked."""
    server = ScriptedServer()
    (folder / "recipe.yaml").write_text(RECIPE.format(url=serving(server)))
    again = in_process.infogap("run", "recipe.yaml", cwd=folder)
    assert again.returncode == 0, again.stderr
    return questions(server)


def questions(server: ScriptedServer) -> list[tuple[str, int]]:
    """What a server was asked: prompts with their seeds, by which requests differ."""
    return [(body["messages"][0]["content"], body["seed"]) for body in server.bodies]


def test_one_interrupt_finishes_what_is_in_flight_and_none_is_asked_twice(tmp_path: Path, serving: Serving) -> None:
    slow = ScriptedServer(seconds=0.5)
    with generating(tmp_path, serving(slow), least=4) as process:
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    done, total = on_disk(tmp_path) or (0, 0)
    assert process.returncode == 0
    assert "finishing what is in flight, at most 60 s; Ctrl-C again stops now\n" in said
    last = said.splitlines()[-1]
    assert last.startswith(f"stopped as asked: {done} of the 40 requests planned so far are answered and on disk")
    assert last.endswith("the same command continues from there")
    assert "Traceback" not in said
    assert slow.cancelled == 0
    assert len(slow.bodies) == done < total == 40  # all that was asked is answered

    rest = asked_to_finish(tmp_path, serving)
    assert len(set(questions(slow) + rest)) == len(slow.bodies) + len(rest) == 40


def test_a_second_interrupt_stops_at_once(tmp_path: Path, serving: Serving) -> None:
    slow = ScriptedServer(lambda _body, _before: hanging(10.0) if len(slow.bodies) > 4 else None)
    with generating(tmp_path, serving(slow), least=4) as process:
        wait_until_asked(slow, 8)
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        while "Ctrl-C again" not in process.stderr.readline():
            pass
        process.send_signal(signal.SIGINT)
        started = time.monotonic()
        _, said = process.communicate(timeout=30)
        assert time.monotonic() - started < 8
    assert process.returncode == 130
    assert "the same command continues from there" in said
    assert "Traceback" not in said
    assert on_disk(tmp_path) == (4, 40)
    assert len(asked_to_finish(tmp_path, serving)) == 36


def test_the_wait_has_an_end(tmp_path: Path, serving: Serving) -> None:
    hung = ScriptedServer(seconds=60.0)
    with generating(tmp_path, serving(hung), least=0, infogap=WITH_A_SHORT_WAIT) as process:
        wait_until_asked(hung, 4)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "at most 0.5 s" in said
    assert said.splitlines()[-1].startswith("stopped as asked: 0 of the 40 requests")
    assert "Traceback" not in said
    assert len(asked_to_finish(tmp_path, serving)) == 40


def wait_until_asked(server: ScriptedServer, requests: int) -> None:
    ends = time.monotonic() + 30
    while len(server.bodies) < requests:
        assert time.monotonic() < ends
        time.sleep(0.02)


@pytest.mark.model
def test_an_interrupt_waits_for_the_embedded_model_to_end_its_answer(tmp_path: Path) -> None:
    openai, embedded = (
        "openai, model: m, base_url: {url}, concurrency: 4",
        "embedded, threads: 1, sampling: {{max_tokens: 24}}",
    )
    (tmp_path / "tasks.jsonl").write_text(TASKS)
    (tmp_path / "recipe.yaml").write_text(RECIPE.replace(openai, embedded).format())
    with subprocess.Popen([*INFOGAP, "run", "recipe.yaml"], cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        ends = time.monotonic() + 60
        while (on_disk(tmp_path) or (0, 0))[0] < 2:
            assert time.monotonic() < ends
            time.sleep(0.02)
        before = on_disk(tmp_path) or (0, 0)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    after = on_disk(tmp_path) or (0, 0)
    assert process.returncode == 0, said
    assert before[0] <= after[0] <= before[0] + 3  # one under way, one read ahead, one while the signal came
    assert f"stopped as asked: {after[0]} of the 40" in said
