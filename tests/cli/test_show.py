"""What `infogap show` says of a run whose tables are missing or have changed."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from cli.in_process import infogap
from infogap.runs.run_folder import Run
from publish.small_run import build_run


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return build_run(tmp_path / "run")


def test_a_run_without_traces_says_what_to_do(run: Run) -> None:
    for part in (run.path / "traces").glob("part-*.parquet"):
        part.unlink()
    ended = infogap("show", run.path)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "has no traces to show: generate is " in ended.stderr
    assert f"first: infogap generate {run.path}" in ended.stderr.replace("\n", " ")


def test_an_edited_table_is_not_shown_without_a_word(run: Run) -> None:
    (part,) = (run.path / "measures").glob("part-*.parquet")
    pl.read_parquet(part).with_columns(band=pl.lit("mixed")).write_parquet(part)
    ended = infogap("show", run.path, columns=200)
    assert ended.returncode == 0
    assert ended.stderr.rstrip().endswith("this shows the tables as they are")
