"""What an engine's processes print is kept, and told as far as it matters."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from infogap.console import output
from infogap.teachers.vllm.engine_processes import EngineLog

PARENT = """\
import subprocess, sys, time
from infogap.teachers.vllm.engine_processes import Guard
child = subprocess.Popen(["sleep", "60"])
guard = Guard()
guard.watch([child.pid])
guard.watch([child.pid])
if "release" in sys.argv:
    guard.release()
print(child.pid, flush=True)
time.sleep(60)
"""


def lives(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_a_killed_parent_takes_its_children_with_it(how: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert lives(child)
        parent.send_signal(how)
    ends = time.monotonic() + 10
    while lives(child) and time.monotonic() < ends:
        time.sleep(0.02)
    assert not lives(child)


def test_children_that_are_released_are_left_alone() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT, "release"], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()
    time.sleep(0.5)
    assert lives(child)
    subprocess.run(["kill", str(child)], check=True)


NOISE = """\
import sys
for rank in (1, 2):
    print(f"(Worker pid={rank}) INFO 11-24 23:50:01 [worker.py:9] Loading weights", flush=True)
    print(f"(Worker pid={rank}) WARNING 11-24 23:50:01 [worker.py:9] The cache is small", file=sys.stderr, flush=True)
"""


@pytest.fixture
def log() -> Iterator[EngineLog]:
    opened = EngineLog()
    yield opened
    opened.remove()


def wait_for(log: EngineLog, text: str) -> str:
    ends = time.monotonic() + 10
    while text not in (found := log.path.read_text()) and time.monotonic() < ends:
        time.sleep(0.01)
    return found


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (
            "(EngineCore pid=7) ERROR 11-24 23:50:01 [core.py:9] ValueError: no room for the cache\n"
            "(EngineCore pid=7) Traceback (most recent call last):\n"
            "RuntimeError: Engine core initialization failed. See root cause above.\n",
            "ValueError: no room for the cache",
        ),
        ("(Worker pid=7) INFO 11-24 23:50:01 [core.py:9] Error rate: 0\n", ""),
        ("torch.OutOfMemoryError: CUDA out of memory\nTried 2 GiB\n", "torch.OutOfMemoryError: CUDA out of memory"),
    ],
)
def test_the_reason_of_a_failure_is_found(log: EngineLog, lines: str, reason: str) -> None:
    log.path.write_text(lines)
    assert log.reason() == reason


@pytest.mark.parametrize("verbose", [False, True])
def test_each_warning_is_shown_once_and_the_rest_on_request(
    log: EngineLog, verbose: bool, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(output, "quiet", False)
    monkeypatch.setattr(output, "verbose", verbose)
    with log.capture():
        process = subprocess.Popen([sys.executable, "-c", NOISE])
    process.wait()
    kept = wait_for(log, "(Worker pid=2) WARNING")
    assert kept.count("Loading weights") == kept.count("The cache is small") == 2
    time.sleep(0.1)  # what the last line is shown with
    shown = capfd.readouterr()
    assert shown.out == ""
    assert shown.err.count("The cache is small") == (2 if verbose else 1)
    assert shown.err.count("Loading weights") == (2 if verbose else 0)


def test_this_process_gets_its_streams_back(log: EngineLog, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ZeroDivisionError), log.capture():
        os.write(1, b"to the log\n")
        _ = 1 / 0
    os.write(1, b"to the terminal\n")
    assert "to the log" in wait_for(log, "to the log")
    assert capfd.readouterr().out == "to the terminal\n"


def test_what_this_process_logs_goes_to_the_log(log: EngineLog) -> None:
    logger = logging.Logger("engine")
    logger.addHandler(logging.StreamHandler())
    log.take(logger)
    logger.error("all is lost")
    assert "all is lost" in wait_for(log, "all is lost")
