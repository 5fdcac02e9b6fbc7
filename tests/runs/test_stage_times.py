"""Times are recorded beside the manifests, and a damaged record loses nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from infogap.runs.run_folder import Run
from infogap.runs.stage_times import FILE_NAME, stage_times, timed
from publish.small_run import build_run


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return build_run(tmp_path)


def test_a_stage_that_ends_is_recorded_and_one_that_fails_is_not(run: Run) -> None:
    with timed(run, "measure"):
        sum(range(10**6))
    with pytest.raises(KeyError), timed(run, "balance"):
        raise KeyError
    times = stage_times(run)
    assert list(times) == ["measure"] and times["measure"]["wall"] >= 0 and times["measure"]["cpu"] >= 0


def test_the_last_time_counts(run: Run) -> None:
    for stage in ("tasks", "measure", "tasks"):
        with timed(run, stage):
            pass
    assert list(stage_times(run)) == ["tasks", "measure"]


@pytest.mark.parametrize("text", ["", "[]", '{"tasks": 3}', '{"tasks": {"wall": "x", "cpu": 1}}'])
def test_a_damaged_record_counts_as_none(run: Run, text: str) -> None:
    (run.path / FILE_NAME).write_text(text)
    assert stage_times(run) == {}
    with timed(run, "tasks"):
        pass
    assert list(stage_times(run)) == ["tasks"]
