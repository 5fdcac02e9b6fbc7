"""Whole runs with the vllm teacher: stopped, killed, taken up again, and what is in the tables."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import polars as pl

from infogap.generate.trace_files import read_journal
from with_vllm.runs import REQUESTS, descendants, generating, on_disk, run, table, wait_until_gone, write_recipe


def test_a_killed_run_keeps_what_had_finished_and_asks_nothing_twice(tmp_path: Path, model_folder: Path) -> None:
    write_recipe(tmp_path, model_folder)
    with generating(tmp_path, 10) as process:
        engine = descendants(process.pid)
        process.kill()
        process.wait()
    assert engine
    journals = sorted((tmp_path / "runs" / "demo" / "traces").glob("journal-*.jsonl"))
    kept = {row["trace_id"]: row["response"] for path in journals for row in read_journal(path, "index").values()}
    assert 10 <= len(kept) < REQUESTS
    assert wait_until_gone(engine, 60) == [], "the engine of a killed run holds its memory"

    again = run(tmp_path, "--max-requests", str(REQUESTS - len(kept)))
    assert again.returncode == 0, again.stderr
    assert "stopped" not in again.stderr
    traces = table(tmp_path, "traces")
    assert traces["trace_id"].n_unique() == traces.height == REQUESTS
    assert traces["error"].null_count() == REQUESTS
    assert kept.items() <= dict(traces.select("trace_id", "response").iter_rows()).items()
    _check_tables(tmp_path, traces)


def _check_tables(folder: Path, traces: pl.DataFrame) -> None:
    assert set(traces["finish_reason"]) <= {"stop", "length"}
    assert set(traces["teacher"]) == {"SmolLM2-135M-Instruct"} or len(set(traces["teacher"])) == 1
    samples = traces.group_by("task_id", "privilege").agg(pl.col("seed", "response").n_unique())
    assert set(samples["seed"]) == {4}
    assert samples["response"].min() == 4
    tokens = traces.join(table(folder, "tokens"), on="trace_id")
    assert tokens.height == traces.height
    assert tokens.select((pl.col("logprobs").list.len() == pl.col("completion_tokens")).all()).item()
    assert tokens.select((pl.col("entropies").list.len() == pl.col("completion_tokens")).all()).item()
    assert table(folder, "verdicts").height == traces.height


def test_one_ctrl_c_finishes_what_is_in_flight(tmp_path: Path, model_folder: Path) -> None:
    """At a terminal every process of the group gets the signal: the engine's must not end by it.

    Far more is asked for than a fast machine answers before a busy one has sent the signal.
    """
    write_recipe(tmp_path, model_folder, samples=100)
    with generating(tmp_path, 6) as process:
        engine = descendants(process.pid)
        os.killpg(process.pid, signal.SIGINT)
        _, error = process.communicate(timeout=240)
    assert process.returncode == 0, error
    assert "stopped as asked" in error
    assert "Traceback" not in error and "died" not in error
    # Eight were in flight: they have been answered, and no more have been asked.
    assert 6 < on_disk(tmp_path) < 1000
    assert wait_until_gone(engine, 30) == []


def test_two_ctrl_cs_stop_at_once(tmp_path: Path, model_folder: Path) -> None:
    write_recipe(tmp_path, model_folder, max_tokens=400, samples=100)
    with generating(tmp_path, 1) as process:
        engine = descendants(process.pid)
        os.killpg(process.pid, signal.SIGINT)
        assert process.stderr is not None
        while "Ctrl-C" not in (line := process.stderr.readline()):
            assert line
        os.killpg(process.pid, signal.SIGINT)
        _, error = process.communicate(timeout=120)
    assert process.returncode == 130, error
    assert "Traceback" not in error
    assert wait_until_gone(engine, 30) == []
