"""Tags and notes: kept whole, one at a time, by several processes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from filelock import FileLock

from infogap.errors import ExternalError, InputError
from infogap.runs.run_folder import Run
from infogap.view.annotation_table import annotate, read_annotations
from publish.small_run import build_run


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return build_run(tmp_path)


def test_an_annotation_is_set_changed_and_removed(run: Run) -> None:
    assert read_annotations(run).is_empty()
    annotate(run, "b", " two \n words ", " a note\n")
    annotate(run, "a", "", "a note alone")
    assert read_annotations(run).rows() == [("a", "", "a note alone"), ("b", "two words", "a note")]
    annotate(run, "b", "other", "")
    annotate(run, "a", "", "  ")
    assert read_annotations(run).rows() == [("b", "other", "")]


def test_several_browsers_lose_nothing_of_each_other(run: Run) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: annotate(run, f"trace{number:02}", "tag", str(number)), range(24)))
    assert read_annotations(run)["note"].to_list() == [str(number) for number in range(24)]
    leftovers = [path.name for path in (run.path / "annotations").iterdir() if path.suffix == ".tmp"]
    assert leftovers == []


def test_what_is_too_long_is_refused_and_nothing_is_lost(run: Run) -> None:
    annotate(run, "a", "tag", "note")
    with pytest.raises(InputError, match="these have 41 and 4"):
        annotate(run, "a", "x" * 41, "note")
    assert read_annotations(run).rows() == [("a", "tag", "note")]


def test_another_process_that_holds_the_table_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infogap.view.annotation_table._WAIT", 0.05)
    (run.path / "annotations").mkdir()
    with FileLock(run.path / "annotations" / ".lock"), pytest.raises(ExternalError, match="by another process"):
        annotate(run, "a", "tag", "")
