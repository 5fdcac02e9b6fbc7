"""The pace of a traces folder, read while it fills: the same numbers as the store's own, at every moment."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infogap.generate.throughput import PaceReader, progress_by_teacher
from infogap.generate.trace_store import TraceStore, answered, move_to_cache


def row(index: int, error: str | None = None) -> dict[str, Any]:
    return {
        "trace_id": f"trace-{index}",
        "task_id": "task",
        "privilege": "unguided",
        "context_id": None,
        "teacher": "m",
        "sample": index,
        "seed": index,
        "round": 0,
        "reasoning": "",
        "response": "" if error else "four",
        "finish_reason": "error" if error else "stop",
        "prompt_tokens": None if error else 3,
        "completion_tokens": None if error else 10,
        "error": error,
    }


@settings(max_examples=40, deadline=None)
@given(order=st.permutations(range(11)), failed=st.sets(st.integers(0, 10)), looks=st.sets(st.integers(0, 10)))
def test_the_pace_is_that_of_the_store_whenever_one_looks(order: list[int], failed: set[int], looks: set[int]) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        store, reader = TraceStore(folder, "key", 11, block=4), PaceReader(folder)
        for place, index in enumerate(order):
            store.add(index, row(index, "refused" if index in failed else None))
            if place in looks or place == 10:
                pace = reader.read()
                assert pace is not None
                assert (pace.answered, pace.total) == answered(folder)
                assert pace.failed == len(failed.intersection(order[: place + 1]))


def test_each_of_several_teachers_has_its_own_progress(tmp_path: Path) -> None:
    store, reader = TraceStore(tmp_path, "key", 5, block=2, by_teacher={"small": 2, "large": 3}), PaceReader(tmp_path)
    for index, teacher in ((0, "small"), (1, "small"), (4, "large")):
        store.add(index, row(index) | {"teacher": teacher})
    pace = reader.read()
    assert pace is not None
    assert pace.teachers == {"small": (2, 2), "large": (1, 3)}
    assert progress_by_teacher(pace.teachers) == " (small 2 of 2, large 1 of 3)"
    TraceStore(tmp_path, "next", 1, round_=1, block=2, by_teacher={"small": 0, "large": 1})
    pace = reader.read()
    assert pace is not None
    assert pace.teachers == {"small": (2, 2), "large": (1, 4)}


def test_nothing_planned_has_no_pace(tmp_path: Path) -> None:
    assert PaceReader(tmp_path / "traces").read() is None


def test_half_a_line_counts_once_it_is_whole(tmp_path: Path) -> None:
    store, reader = TraceStore(tmp_path, "key", 5), PaceReader(tmp_path)
    store.add(0, row(0))
    store.add(1, row(1))
    (journal,) = tmp_path.glob("journal-*.jsonl")
    whole = journal.read_bytes()
    os.truncate(journal, len(whole) - 7)
    pace = reader.read()
    assert pace is not None
    assert pace.answered == 1
    with journal.open("ab") as file:
        file.write(whole[-7:])
    pace = reader.read()
    assert pace is not None
    assert pace.answered == 2


def test_the_commonest_failure_comes_first_across_files(tmp_path: Path) -> None:
    store, reader = TraceStore(tmp_path, "key", 9, block=4), PaceReader(tmp_path)
    for index, error in enumerate(["rare", "often", None, None, "often", "often"]):
        store.add(index, row(index, error))
    pace = reader.read()
    assert pace is not None
    assert list(pace.failures.items()) == [("often", 3), ("rare", 1)]


def test_rates_are_of_the_last_window(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    store, reader = TraceStore(tmp_path, "key", 1000), PaceReader(tmp_path)
    store.add(0, row(0))
    first = reader.read()
    assert first is not None
    assert first.requests_per_second is None  # what was there before says nothing about the pace
    for index in range(1, 301):
        now += 0.5 if index <= 200 else 2.0
        store.add(index, row(index))
        if index % 10 == 0:
            last = reader.read()
    assert last is not None
    assert last.window == pytest.approx(60, abs=20)
    assert last.requests_per_second == pytest.approx(0.5)
    assert last.tokens_per_second == pytest.approx(5.0)
    assert last.seconds_left == pytest.approx(699 / 0.5)


def test_requests_asked_anew_begin_a_new_window(tmp_path: Path) -> None:
    reader = PaceReader(tmp_path)
    store = TraceStore(tmp_path, "key", 5)
    for index in range(4):
        store.add(index, row(index, "refused"))
    assert reader.read() is not None
    move_to_cache(tmp_path)
    assert reader.read() is None
    TraceStore(tmp_path, "key", 5).add(0, row(0))
    pace = reader.read()
    assert pace is not None
    assert (pace.answered, pace.failed, pace.window) == (1, 0, 0.0)


def test_the_last_answer_is_told_by_the_files(tmp_path: Path) -> None:
    store, reader = TraceStore(tmp_path, "key", 5), PaceReader(tmp_path)
    empty = reader.read()
    assert empty is not None
    assert empty.last_answer is None
    store.add(0, row(0))
    (journal,) = tmp_path.glob("journal-*.jsonl")
    then = time.time() - 250
    os.utime(journal, (then, then))
    pace = reader.read()
    assert pace is not None
    assert pace.last_answer == pytest.approx(then, abs=0.01)
