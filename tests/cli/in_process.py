"""The command line within the tests' process, for tests that say nothing about processes.

It is the console script's own function. A process of its own takes seconds to import what these have at hand;
tests/integration and the tests of exit and interrupts start real ones.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import asdict
from io import StringIO
from pathlib import Path
from unittest.mock import patch

from infogap.cli import main
from infogap.console import output


def infogap(*arguments: str | Path, cwd: Path | None = None, columns: int = 80) -> subprocess.CompletedProcess[str]:
    """Run `infogap ARGUMENTS` in the folder `cwd`, in a terminal of so many columns: its exit code and its output."""
    command = ["infogap", *map(str, arguments)]
    shown, said, before = StringIO(), StringIO(), asdict(output)
    with (
        patch.object(sys, "argv", command),
        patch.dict(os.environ, COLUMNS=str(columns)),
        chdir(cwd or Path.cwd()),
        redirect_stdout(shown),
        redirect_stderr(said),
    ):
        try:
            main()
            code = 0
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        finally:
            vars(output).update(before)
    return subprocess.CompletedProcess(command, code, shown.getvalue(), said.getvalue())
