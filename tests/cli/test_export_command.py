"""`infogap export` from the command line."""

from __future__ import annotations

import json
from pathlib import Path

from cli.in_process import infogap
from publish.small_run import build_run


def test_a_trainers_file_and_what_goes_wrong(tmp_path: Path) -> None:
    run, file = build_run(tmp_path), tmp_path / "mix.jsonl"
    ran = infogap("export", str(run.path), str(file), "--format", "trl-sft", "--thinking-field", "thinking")
    assert ran.returncode == 0, ran.stderr
    answers = [json.loads(line)["messages"][-1] for line in file.read_text().splitlines()]
    assert f"wrote {len(answers)} rows to" in " ".join(ran.stderr.split())
    assert any(answer.get("thinking") for answer in answers)
    for wrong, expected in (
        (["--thinking", "inlin"], "--thinking: unknown 'inlin' (did you mean 'inline'?); allowed: inline, field, drop"),
        (["--thinking", "drop", "--thinking-field", "thinking"], "is only for `--thinking field`"),
        (
            ["--format", "ms-swift", "--thinking", "field"],
            "ms-swift removes every key of a message except role, content",
        ),
        (["--format", "trl_sft"], "did you mean 'trl-sft'"),
    ):
        ran = infogap("export", str(run.path), str(file), *wrong)
        assert (ran.returncode, ran.stdout) == (2, "")
        assert expected in " ".join(ran.stderr.split())
