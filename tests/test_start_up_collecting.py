"""Garbage is collected rarely while a command starts, and as usual while a stage runs and after the command."""

from __future__ import annotations

import gc
import json
from pathlib import Path

import pytest

from cli.in_process import infogap
from infogap.imports import import_traces
from infogap.runs.run_folder import Run
from infogap.runs.stage import Outcome
from infogap.start_up import started, starting

RECIPE = """
name: small
import: [{from: traces.jsonl, columns: {question: question, answer: answer, trace: text}}]
"""


def test_the_usual_thresholds_come_back() -> None:
    usual = gc.get_threshold()
    started()  # outside `starting`
    assert gc.get_threshold() == usual
    with starting():
        assert gc.get_threshold()[0] > usual[0]
        assert gc.isenabled()
        started()
        assert gc.get_threshold() == usual
    with pytest.raises(KeyboardInterrupt), starting():
        raise KeyboardInterrupt
    assert gc.get_threshold() == usual


def test_a_stage_runs_with_the_usual_thresholds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usual, seen = gc.get_threshold(), list[tuple[int, int, int]]()
    work = import_traces.import_traces

    def noting(run: Run) -> Outcome:
        seen.append(gc.get_threshold())
        return work(run)

    monkeypatch.setattr(import_traces, "import_traces", noting)
    (tmp_path / "r.yaml").write_text(RECIPE)
    (tmp_path / "traces.jsonl").write_text(json.dumps({"question": "1 + 1?", "answer": "2", "text": "2"}) + "\n")
    assert infogap("run", "r.yaml", cwd=tmp_path).returncode == 0
    assert seen == [usual]
    assert infogap("status", "runs/small", cwd=tmp_path).returncode == 0
    assert gc.get_threshold() == usual
