"""SIGKILL during generation by the real model loses nothing and repeats nothing."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "kill_and_resume.py"
RECIPE = """\
name: killed
tasks: [{from: tasks.jsonl, verifier: exact}]
teacher: {backend: embedded, sampling: {max_tokens: 16}}
generate: {samples: 2, privileges: [unguided, answer], instruction: Be brief.}
balance: {verdict: uniform}
"""


@pytest.mark.model
def test_a_killed_run_ends_with_the_bytes_of_an_uninterrupted_one(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(RECIPE)
    tasks = [{"question": f"What is {n} + {n}?", "answer": str(2 * n)} for n in range(4)]
    (tmp_path / "tasks.jsonl").write_text("\n".join(map(json.dumps, tasks)))
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(recipe), "--kills", "2", "--seed", "7"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the same 16 traces and the same bytes after 2 kills" in done.stdout
