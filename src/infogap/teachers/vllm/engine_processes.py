"""Watch over vLLM's processes: log their output, find the reason of a failure in it, end them with their parent."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from infogap.console import output, say

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
    """A small process that ends the processes on its list if this process is killed."""

    def __init__(self) -> None:
        # In a session of its own, so that the terminal's signals do not reach it.
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _WATCH], stdin=subprocess.PIPE, text=True, start_new_session=True
        )
        self._watched: set[int] = set()

    def watch(self, pids: Iterable[int]) -> None:
        """Add these processes to the list."""
        for pid in set(pids) - self._watched:
            self._watched.add(pid)
            self._tell(pid)

    def release(self) -> None:
        """End the guard: its processes have ended well, or will."""
        self._tell(_RELEASED)
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _tell(self, pid: int) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{pid}\n")
        self._process.stdin.flush()


_WARNING = re.compile(r"(?:^|\) )WARNING ")
_PREFIX = re.compile(r"^(?:\([^)]*pid=\d+\) ?)?(?:[A-Z]+ \d\d-\d\d [\d:.]+ \[[^\]]*\] ?)?")
_REASON = re.compile(r"^[\w.]*(?:Error|Exception|Interrupt|Exit)\b(?::|$)")
# Messages of a process after another one failed: the reason is in that one's messages.
_PASSED_ON = (
    "Engine core initialization failed",
    "EngineCore encountered an issue",
    "WorkerProc initialization failed",
    "Worker failed with error",
)


class EngineLog:
    """Receives the output of processes that are started under `capture`, for as long as they live.

    vLLM prints hundreds of lines, and after a failure a traceback of each of its processes. Everything goes to a file
    in the temporary folder; the terminal shows the warnings, and with -v every line.
    """

    def __init__(self) -> None:
        handle, name = tempfile.mkstemp(prefix="infogap-vllm-", suffix=".log")
        self.path = Path(name)
        self._file = os.fdopen(handle, "w", encoding="utf-8", buffering=1)
        self._warned: set[str] = set()
        self._starting = False
        self._terminal = os.dup(2)
        reading, self._writing = os.pipe()
        threading.Thread(target=self._read, args=(reading,), name="infogap-vllm-log", daemon=True).start()

    @contextmanager
    def capture(self) -> Iterator[None]:
        """Capture both streams of this process, and permanently those of processes that it starts meanwhile."""
        self._starting = True
        sys.stdout.flush()
        sys.stderr.flush()
        saved = os.dup(1), os.dup(2)
        os.dup2(self._writing, 1)
        os.dup2(self._writing, 2)
        try:
            yield
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for number, original in enumerate(saved, start=1):
                os.dup2(original, number)
                os.close(original)
            self._starting = False

    def take(self, logger: logging.Logger) -> None:
        """Send the messages of this process's logger to the log as well, as its handlers format them."""
        for handler in logger.handlers:
            if type(handler) is logging.StreamHandler:  # vLLM's own, not a derived one from elsewhere
                handler.setStream(os.fdopen(os.dup(self._writing), "w", buffering=1))

    def reason(self) -> str:
        """Return the first line of the last exception in the log; empty if there is none."""
        reason = ""
        for line in self.path.read_text(encoding="utf-8", errors="replace").splitlines():
            text = _PREFIX.sub("", line).strip()
            if _REASON.match(text) and not any(words in text for words in _PASSED_ON):
                reason = text
        return reason

    def remove(self) -> None:
        """Delete the log of an engine that ended well."""
        self.path.unlink(missing_ok=True)

    def _read(self, reading: int) -> None:
        with os.fdopen(reading, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                self._file.write(line)
                if output.verbose or self._is_new_warning(line):
                    self._show(line.rstrip())

    def _is_new_warning(self, line: str) -> bool:
        """Return True if a line is a warning that no process has given before."""
        if not _WARNING.search(line):
            return False
        text = _PREFIX.sub("", line)
        if text in self._warned:
            return False
        self._warned.add(text)
        return True

    def _show(self, line: str) -> None:
        line = f"vllm: {line if output.verbose else _PREFIX.sub('', line)}"
        if not self._starting:
            say(line, style="dim")
        elif not output.quiet:
            os.write(self._terminal, f"{line}\n".encode())
