"""Keep what vLLM's processes print in a file, show its warnings, and find the reason of a failure in it."""

from __future__ import annotations

import logging
import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infogap.console import output, say

_WARNING = re.compile(r"(?:^|\) )WARNING ")
_PREFIX = re.compile(r"^(?:\([^)]*pid=\d+\) ?)?(?:[A-Z]+ \d\d-\d\d [\d:.]+ \[[^\]]*\] ?)?")
_REASON = re.compile(r"^[\w.]*(?:Error|Exception|Interrupt|Exit)\b(?::|$)")
# What one process says when another has failed: the reason is that one's.
_PASSED_ON = (
    "Engine core initialization failed",
    "EngineCore encountered an issue",
    "WorkerProc initialization failed",
    "Worker failed with error",
)


class EngineLog:
    """Takes what the processes print that are started under `capture`, for as long as they live.

    vLLM prints hundreds of lines, and a failure is a traceback of each of its processes. Everything goes
    to a file in the temporary folder; the terminal gets the warnings, with -v every line.
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
        """Capture both streams of this process, and for good those of processes that it starts meanwhile."""
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
        """Send what this process logs the same way, in the form that the logger's handlers give it."""
        for handler in logger.handlers:
            if type(handler) is logging.StreamHandler:  # vLLM's own, and not a derived one that somebody else has added
                handler.setStream(os.fdopen(os.dup(self._writing), "w", buffering=1))

    def reason(self) -> str:
        """Find the first line of the last exception in the log, in the engine's words; empty where there is none."""
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
        """Tell whether a line is a warning that no process has given before."""
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
