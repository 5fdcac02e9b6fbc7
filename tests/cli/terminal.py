"""The command line in a real terminal (a pty): what a person sees, with all escape sequences."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path


def in_terminal(
    *arguments: str | Path, cwd: Path, columns: int = 80, answer: str = "", **environment: str
) -> tuple[int, str]:
    """Run `infogap ARGUMENTS` in a terminal, `answer` typed in beforehand: its exit code, and all that it shows."""
    terminal, side = pty.openpty()
    fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    kept = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "NO_COLOR", "FORCE_COLOR")}
    process = subprocess.Popen(
        [sys.executable, "-m", "infogap", *map(str, arguments)],
        cwd=cwd,
        stdin=side,
        stdout=side,
        stderr=side,
        env=kept | {"TERM": "xterm-256color"} | environment,
    )
    os.close(side)
    if answer:
        os.write(terminal, answer.encode())
    shown = b""
    try:
        while chunk := os.read(terminal, 65_536):
            shown += chunk
    except OSError:  # how Linux says that the other side is closed
        pass
    os.close(terminal)
    return process.wait(timeout=60), shown.decode().replace("\r\n", "\n")
