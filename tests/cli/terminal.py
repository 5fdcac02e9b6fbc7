"""The command line in a real terminal (a pty): what a person sees, with all escape sequences."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Sequence
from pathlib import Path

from cli.command_sequence import each_output, program


def in_terminal(
    *arguments: str | Path, cwd: Path, columns: int = 80, answer: str = "", **environment: str
) -> tuple[int, str]:
    """Run `infogap ARGUMENTS` in a terminal, `answer` typed in beforehand: its exit code, and all that it shows."""
    command = [sys.executable, "-m", "infogap", *map(str, arguments)]
    return _in_terminal(command, cwd, columns, answer, environment)


def each_in_terminal(*commands: Sequence[str | Path], cwd: Path, **environment: str) -> list[tuple[int, str]]:
    """Run commands in a terminal of 80 columns, one after the other in one process: the code of each, and its text."""
    code, shown = _in_terminal(program(commands), cwd, 80, "", environment)
    assert code == 0, shown
    # Both stdout and stderr are the terminal: the mark of stderr comes right after that of stdout.
    outputs = each_output(shown)
    assert [text for _, text in outputs[1::2]] == [""] * len(commands)
    return outputs[::2]


def _in_terminal(
    command: list[str], cwd: Path, columns: int, answer: str, environment: dict[str, str]
) -> tuple[int, str]:
    terminal, side = pty.openpty()
    fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    kept = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "NO_COLOR", "FORCE_COLOR")}
    process = subprocess.Popen(
        command,
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
