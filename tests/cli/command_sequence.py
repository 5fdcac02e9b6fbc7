"""Several commands one after the other in one new process: its streams are real, and it imports infogap once."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

MARK = "\x1e"  # which no command prints; the exit code is between two of them
_PROGRAM = f"""
import json, sys
from dataclasses import asdict
from infogap.cli import main
from infogap.console import output

before = asdict(output)
for arguments in json.loads(sys.argv[1]):
    sys.argv = ["infogap", *arguments]
    try:
        main()
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    finally:
        vars(output).update(before)
    for stream in (sys.stdout, sys.stderr):
        print("{MARK}", code, "{MARK}", sep="", end="", file=stream, flush=True)
"""


def program(commands: Iterable[Sequence[str | Path]]) -> list[str]:
    """The command line of a process that runs `infogap ARGUMENTS` for each, and ends each one's output with its code.

    After each command it writes `MARK CODE MARK`, once to stdout and once to stderr.
    """
    return [sys.executable, "-c", _PROGRAM, json.dumps([list(map(str, command)) for command in commands])]


def each_output(text: str) -> list[tuple[int, str]]:
    """Divide what such a process wrote to one of the two: the code of each command, and its output."""
    *parts, after = text.split(MARK)
    assert after == "", text
    return [(int(code), shown) for shown, code in zip(parts[::2], parts[1::2], strict=True)]
