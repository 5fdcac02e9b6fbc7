"""A machine that is lost while a model answers: another one goes on from the bucket, and ends with the same bytes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from bucket.stored_files import files, objects, results
from infogap.bucket.bucket_lock import NAME
from servers.scripted import ScriptedServer

RECIPE = """\
name: lost
tasks: [{{from: tasks.jsonl, columns: {{solution: solution}}, verifier: exact}}]
teacher: {{backend: openai, base_url: {url}, model: m, concurrency: 4}}
generate: {{samples: 3, privileges: [unguided, answer, solution]}}
balance: {{verdict: uniform}}
publish: {{license: apache-2.0, configs: [traces]}}
"""
TASKS = 60
# Uploads every half second, a lock that ends as the test says, which does not wait for minutes, and no charts.
SHORT = (
    "from infogap.bucket import bucket_lock, stored_run; bucket_lock.LEASE = {lease}; bucket_lock.RENEWAL = 0.2; "
    "stored_run.INTERVAL = 0.4; from infogap.charts import drawing; drawing.available = lambda: False; "
    "from infogap.cli import main; main()"
)


def _command(address: str, folder: Path, machine: Path, lease: float = 600) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", SHORT.format(lease=lease), "run", "r.yaml", "--run", address]
    environment = {**os.environ, "XDG_CACHE_HOME": str(machine)}
    return subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True)


def test_another_machine_goes_on(tmp_path: Path, bucket: str, serving: Callable[[ScriptedServer], str]) -> None:
    server = ScriptedServer(seconds=0.05)
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "r.yaml").write_text(RECIPE.format(url=serving(server)))
    rows = [{"question": f"{n} + 1?", "answer": str(n + 1), "solution": f"It is {n + 1}."} for n in range(TASKS)]
    (folder / "tasks.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    address = f"s3://{bucket}/lost"
    with _command(address, folder, tmp_path / "first") as lost:
        until = time.monotonic() + 300
        while time.monotonic() < until and lost.poll() is None:
            journals = [text for name, text in objects(bucket, "lost").items() if name.startswith("traces/journal")]
            if sum(text.count(b"\n") for text in journals) > 60:
                break
            time.sleep(0.1)
        lost.send_signal(signal.SIGKILL)
        lost.wait()
        assert lost.returncode == -signal.SIGKILL
    answered = sum(
        text.count(b"\n") for name, text in objects(bucket, "lost").items() if name.startswith("traces/journal")
    )
    before = len(server.bodies)
    assert answered > 60
    with _command(address, folder, tmp_path / "second") as refused:
        assert refused.wait(300) == 3
        assert "is being written by infogap on" in (refused.stderr.read() if refused.stderr else "")
    with _command(address, folder, tmp_path / "second", lease=0.0) as another:
        said = another.stderr.read() if another.stderr else ""
        assert another.wait() == 0, said
    assert len(server.bodies) - before == 9 * TASKS - answered  # nothing of the bucket was paid for again
    with _command("local", folder, tmp_path / "third") as whole:
        assert whole.wait() == 0
    there, here = results(objects(bucket, "lost")), results(files(folder / "local"))
    assert sorted(there) == sorted(here)
    assert {name: content for name, content in there.items() if content != here[name]} == {}
    assert NAME not in objects(bucket, "lost")
