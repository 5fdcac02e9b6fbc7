"""Processes end with the one that started them, also where that one is killed."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

PARENT = """\
import subprocess, sys, time
from infogap.teachers.vllm.process_guard import Guard
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
