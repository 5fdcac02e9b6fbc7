"""End an engine's processes if the process that started them is killed: they would hold the GPU's memory for good."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable

_RELEASED = 0  # in place of a process id
_WATCH = """
import os, signal, sys, time

def send(number):
    left = []
    for pid in pids:
        try:
            os.kill(pid, number)
            left.append(pid)
        except ProcessLookupError:
            pass
    return left

pids = [int(line) for line in sys.stdin]  # until the other end is closed, by whatever ended its process
if 0 not in pids:
    send(signal.SIGTERM)
    for _ in range(100):
        time.sleep(0.1)
        if not send(0):
            break
    send(signal.SIGKILL)
"""


class Guard:
    """A small process that outlives this one if it is killed, and then ends the processes on its list."""

    def __init__(self) -> None:
        # A session of its own: what the terminal does to this process must not happen to it.
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _WATCH], stdin=subprocess.PIPE, text=True, start_new_session=True
        )
        self._watched: set[int] = set()

    def watch(self, pids: Iterable[int]) -> None:
        """Put these processes on the list."""
        for pid in set(pids) - self._watched:
            self._watched.add(pid)
            self._tell(pid)

    def release(self) -> None:
        """End the guard: the processes ended well, or will."""
        self._tell(_RELEASED)
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _tell(self, pid: int) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{pid}\n")
        self._process.stdin.flush()
