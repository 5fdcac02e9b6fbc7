"""Ctrl-C stops a run at once, in one line; the next run asks for exactly the rest."""

import signal
import subprocess
import sys
import time
from pathlib import Path

from infogap.generate.store import answered
from servers.scripted import ScriptedServer
from servers.serve import serve

RECIPE = """\
name: demo
tasks: [{{from: reasoning_gym, names: [chain_sum], count: 20}}]
teacher: {{backend: openai, model: m, base_url: {url}, concurrency: 2}}
generate: {{samples: 2, privileges: [unguided]}}
"""


def test_ctrl_c_keeps_what_is_finished(tmp_path: Path) -> None:
    slow, fast = ScriptedServer(seconds=0.2), ScriptedServer()
    with serve(slow.app) as slow_url, serve(fast.app) as fast_url:
        (tmp_path / "recipe.yaml").write_text(RECIPE.format(url=f"{slow_url}/v1"))
        command = [sys.executable, "-m", "infogap", "run", "recipe.yaml"]
        process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
        traces = tmp_path / "runs" / "demo" / "traces"
        deadline = time.monotonic() + 60
        while (answered(traces) or (0, 0))[0] < 4 and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=30)
        assert process.returncode == 130
        assert "the same command goes on from there" in error
        assert "Traceback" not in error
        done, total = answered(traces) or (0, 0)
        assert 4 <= done < total == 40

        (tmp_path / "recipe.yaml").write_text(RECIPE.format(url=f"{fast_url}/v1"))
        again = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert again.returncode == 0, again.stderr
        assert len(fast.bodies) == total - done
