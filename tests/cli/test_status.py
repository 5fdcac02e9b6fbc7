"""`infogap status --watch` beside real runs that generate, hang, were killed, or are done."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cli import in_process
from infogap.cli.run_watcher import Watcher
from infogap.generate.trace_store import answered
from servers.scripted import Body, Reply, ScriptedServer, failing, hanging
from servers.serve import serve

pytestmark = pytest.mark.usefixtures("without_charts")

Serving = Callable[[ScriptedServer], str]
RECIPE = """\
name: demo
tasks: [{{from: tasks.jsonl, verifier: exact}}]
teacher: {{backend: openai, model: m, base_url: {url}, concurrency: 2}}
generate: {{samples: 2, privileges: [unguided]}}
balance: {{verdict: uniform}}
"""


TASKS = "".join(f'{{"question": "What is {n} + {n}?", "answer": "{2 * n}"}}\n' for n in range(12))


def started(folder: Path, url: str) -> subprocess.Popen[bytes]:
    """A run of 24 requests in `folder/runs/demo`."""
    (folder / "tasks.jsonl").write_text(TASKS)
    (folder / "recipe.yaml").write_text(RECIPE.format(url=url))
    command = [sys.executable, "-m", "infogap", "run", "recipe.yaml", "--quiet"]
    return subprocess.Popen(command, cwd=folder)


def wait_for(what: Callable[[], bool]) -> None:
    ends = time.monotonic() + 60
    while not what():
        assert time.monotonic() < ends
        time.sleep(0.02)


def status(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return in_process.infogap("status", "runs/demo", "--watch", *options, cwd=folder)


def contents(folder: Path) -> dict[str, tuple[int, int]]:
    found = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path): (path.stat().st_mtime_ns, path.stat().st_size) for path in found}


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that was killed after some answers. It is only looked at."""
    folder = tmp_path_factory.mktemp("killed")
    with serve(ScriptedServer(seconds=0.1).app) as url:
        process = started(folder, f"{url}/v1")
        run = folder / "runs" / "demo"
        wait_for(lambda: (answered(run / "traces") or (0, 0))[0] >= 4)
        process.kill()
        process.wait()
    return run


def test_a_run_is_watched_from_its_beginning_to_its_end(tmp_path: Path, serving: Serving) -> None:
    refused = 0

    def refuse_two(_body: Body, _before: int) -> Reply | None:
        nonlocal refused
        refused += 1
        return failing(400, "no thanks") if refused in (3, 7) else None

    process = started(tmp_path, serving(ScriptedServer(refuse_two, seconds=0.4)))
    run = tmp_path / "runs" / "demo"
    wait_for((run / "recipe.yaml").is_file)
    watcher = Watcher(run)
    looks = [watcher.look()]
    while not looks[-1].done:
        time.sleep(0.1)
        looks.append(watcher.look())
        assert process.poll() in (None, 0)
    assert process.wait() == 0
    generating = [look for look in looks if look.under_way == "generate" and look.pace]
    assert {look.holder for look in generating} == {process.pid}
    counts = [look.pace.answered for look in generating if look.pace]
    assert counts == sorted(counts)
    assert len(set(counts)) >= 6
    last = generating[-1].pace
    assert last is not None
    assert last.total == 24
    assert [(reason[-9:], count) for reason, count in last.failures.items()] == [("no thanks", 2)]
    assert last.tokens_per_second == pytest.approx(7 * 2 / 0.4, rel=0.5)
    state = next(state for state in generating[-1].states if state.stage == "generate")
    assert (state.state, state.rows) == ("partial", last.answered)
    assert looks[-1].pace is None

    done = status(tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "8 of 8 stages done\n", "")
    (line,) = status(tmp_path, "--json").stdout.splitlines()
    assert {state["state"] for state in json.loads(line)["stages"]} == {"done"}


def test_watching_writes_nothing_and_takes_no_lock(killed: Path) -> None:
    before = contents(killed)
    watcher = Watcher(killed)
    watcher.look()
    watcher.look()
    assert contents(killed) == before


def test_a_process_that_was_killed_does_not_hold_the_run(killed: Path) -> None:
    assert (killed / ".lock.owner").is_file()
    look = Watcher(killed).look()
    assert (look.holder, look.under_way) == (None, None)
    assert look.pace is not None
    assert 4 <= look.pace.answered < 24


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """Both ends of a pseudo-terminal."""
    ours, theirs = pty.openpty()
    yield ours, theirs
    os.close(ours)


def test_a_hung_server_shows_on_a_terminal(tmp_path: Path, serving: Serving, terminal: tuple[int, int]) -> None:
    process = started(tmp_path, serving(ScriptedServer(lambda _body, _before: hanging())))
    try:
        run = tmp_path / "runs" / "demo"
        wait_for((run / "traces" / "plan.json").is_file)
        then = time.time() - 250
        os.utime(run / ".lock.owner", (then, then))
        ours, theirs = terminal
        command = [sys.executable, "-m", "infogap", "status", "runs/demo", "--watch"]
        environment = os.environ | {"COLUMNS": "100", "LINES": "40", "TERM": "xterm"}
        watching = subprocess.Popen(command, cwd=tmp_path, stdout=theirs, stderr=theirs, env=environment)
        os.close(theirs)
        screen = b""
        while b"no answer for 4:1" not in screen or screen.count(b"is running generate") < 2:
            assert select.select([ours], [], [], 30)[0]
            screen += os.read(ours, 65536)
        assert b"0 of 24 requests" in screen
        watching.send_signal(signal.SIGINT)
        assert watching.wait(timeout=10) == 0
    finally:
        process.kill()
        process.wait()


def test_without_a_terminal_a_line_says_it_all(killed: Path) -> None:
    command = [sys.executable, "-m", "infogap", "status", "runs/demo", "--watch"]
    folder = killed.parents[1]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        rest, said = process.communicate(timeout=10)
    done, total = answered(killed / "traces") or (0, 0)
    assert line.startswith(f"1 of 8 stages done; {done} of {total} requests; last answer 0:")
    assert line.endswith("no process on this machine is working on the run; run the same command again to continue\n")
    assert (process.returncode, rest, said) == (0, "", "")


def test_a_folder_that_is_no_run_cannot_be_watched(tmp_path: Path) -> None:
    done = status(tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("runs/demo is not a run folder")
