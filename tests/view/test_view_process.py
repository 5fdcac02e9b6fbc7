"""The command as a process: the link on stdout, an answer, and a quiet end by Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from urllib.request import Request, urlopen

import pytest

from infogap.runs.run_folder import Run


@pytest.mark.parametrize("options", [[], ["--json"], ["--quiet"]])
def test_it_prints_a_link_serves_and_ends_by_ctrl_c(viewed: Run, options: list[str]) -> None:
    command = [sys.executable, "-m", "infogap", "view", str(viewed.path), "--port", "0", *options]
    environment = os.environ | {"COLUMNS": "200"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    try:
        assert process.stdout is not None
        printed = process.stdout.readline().strip()
        link = json.loads(printed)["url"] if "--json" in options else printed
        address, token = link.split("/?token=")
        assert address.startswith("http://127.0.0.1:")
        assert len(token) >= 30
        request = Request(f"{address}/api/traces", headers={"Authorization": f"Bearer {token}"})
        with urlopen(request, timeout=30) as answer:
            assert json.load(answer)["total"] == 29
        process.send_signal(signal.SIGINT)
        rest, said = process.communicate(timeout=30)
    finally:
        process.kill()
    assert (process.returncode, rest) == (0, "")
    assert said == ("" if "--quiet" in options else "open this link; Ctrl-C stops the server\n")
