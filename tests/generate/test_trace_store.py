"""Completions are kept once, whatever the order of arrival and wherever the process is killed."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infogap.generate.trace_cache import drop_from_cache
from infogap.generate.trace_files import part_path
from infogap.generate.trace_store import TraceStore, answered, failures, move_to_cache
from infogap.schema import TRACES


def row(index: int, error: str | None = None) -> dict[str, Any]:
    return dict.fromkeys(TRACES.schema.names()) | {
        "trace_id": f"r{index:04d}",
        "task_id": "t",
        "privilege": "unguided",
        "teacher": "m",
        "sample": index,
        "seed": index,
        "round": 0,
        "reasoning": "",
        "response": f"answer {index} \ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"),
        "finish_reason": "error" if error else "stop",
        "error": error,
    }


def trace_ids(folder: Path) -> list[str]:
    return [name for path in sorted(folder.glob("part-*.parquet")) for name in pl.read_parquet(path)["trace_id"]]


@settings(max_examples=40, deadline=None)
@given(total=st.integers(0, 40), block=st.integers(1, 15), random=st.randoms(), kills=st.lists(st.integers(0, 40)))
def test_the_parts_are_the_same_bytes_whatever_happened(
    tmp_path_factory: pytest.TempPathFactory, total: int, block: int, random: Any, kills: list[int]
) -> None:
    plain, rough = tmp_path_factory.mktemp("plain"), tmp_path_factory.mktemp("rough")
    store = TraceStore(plain, "key", total, block=block)
    for index in range(total):
        store.add(index, row(index))
    order = list(range(total))
    random.shuffle(order)
    store = TraceStore(rough, "key", total, block=block)
    for position, index in enumerate(order):
        if position in kills:  # a new process finds a half-written line at the end of a journal
            for journal in rough.glob("journal-*.jsonl"):
                journal.write_bytes(journal.read_bytes() + b'{"index": 1, "trace')
            store = TraceStore(rough, "key", total, block=block)
            assert store.done == position
            assert all(store.has(there) for there in order[:position])
            assert not any(store.has(missing) for missing in order[position:])
        store.add(index, row(index))
    assert answered(rough) == (total, total)
    assert not list(rough.glob("journal-*"))
    assert {path.name: path.read_bytes() for path in plain.glob("part-*")} == {
        path.name: path.read_bytes() for path in rough.glob("part-*")
    }
    assert trace_ids(rough) == [f"r{index:04d}" for index in range(total)]


def test_a_kill_between_part_and_journal_leaves_no_row_twice(tmp_path: Path) -> None:
    store = TraceStore(tmp_path, "key", 4, block=2)
    store.add(0, row(0))
    journal = (tmp_path / "journal-00000.jsonl").read_bytes()
    store.add(1, row(1))
    (tmp_path / "journal-00000.jsonl").write_bytes(journal)
    store = TraceStore(tmp_path, "key", 4, block=2)
    assert store.done == 2
    assert trace_ids(tmp_path) == ["r0000", "r0001"]


def test_an_unreadable_line_is_asked_again(tmp_path: Path) -> None:
    store = TraceStore(tmp_path, "key", 3, block=3)
    store.add(0, row(0))
    store.add(1, row(1))
    journal = tmp_path / "journal-00000.jsonl"
    _first, second = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"\x00" * 20 + b"\n" + second)
    store = TraceStore(tmp_path, "key", 3, block=3)
    assert [store.has(index) for index in range(3)] == [False, True, False]


def test_a_changed_plan_takes_what_it_can_from_the_cache_and_loses_nothing(tmp_path: Path) -> None:
    store = TraceStore(tmp_path, "old", 5, block=2)
    for index in range(5):
        store.add(index, row(index))
    store = TraceStore(tmp_path, "new", 3, block=2)
    assert store.done == 0
    cached = store.cached(["r0001", "r0003", "r0009"])
    assert sorted(cached) == ["r0001", "r0003"]
    for index, name in enumerate(("r0001", "r0003")):
        store.add(index, cached[name])
    store.add(2, row(9))
    drop_from_cache(tmp_path)
    assert trace_ids(tmp_path) == ["r0001", "r0003", "r0009"]
    assert sorted(TraceStore(tmp_path, "old", 5, block=2).cached([f"r{n:04d}" for n in range(10)])) == [
        "r0000",
        "r0001",
        "r0002",
        "r0003",
        "r0004",
        "r0009",
    ]


def test_failed_requests_can_be_forgotten(tmp_path: Path) -> None:
    store = TraceStore(tmp_path, "key", 3, block=2)
    store.add(0, row(0))
    store.add(1, row(1, error="timeout"))
    store.add(2, row(2))
    assert failures(tmp_path) == 1
    move_to_cache(tmp_path)
    store = TraceStore(tmp_path, "key", 3, block=2)
    assert sorted(store.cached(["r0000", "r0001", "r0002"])) == ["r0000", "r0002"]


def test_failures_in_journals_count_too(tmp_path: Path) -> None:
    store = TraceStore(tmp_path, "key", 9, block=9)
    store.add(0, row(0))
    store.add(1, row(1, error="timeout"))
    assert failures(tmp_path) == 1


def test_a_damaged_part_is_set_aside_and_asked_again(tmp_path: Path) -> None:
    store = TraceStore(tmp_path, "key", 4, block=2)
    for index in range(4):
        store.add(index, row(index))
    part = tmp_path / "part-00001.parquet"
    part.write_bytes(part.read_bytes()[:-30])
    store = TraceStore(tmp_path, "key", 4, block=2)
    assert [store.has(index) for index in range(4)] == [True, True, False, False]
    assert (tmp_path / "damaged-part-00001.parquet").is_file()
    for index in (2, 3):
        store.add(index, row(index))
    assert trace_ids(tmp_path) == [f"r{index:04d}" for index in range(4)]


def test_a_plan_without_requests_gives_an_empty_table(tmp_path: Path) -> None:
    TraceStore(tmp_path, "key", 0)
    assert pl.read_parquet(tmp_path / "part-00000.parquet").schema == TRACES.schema


def test_rows_whose_tokens_are_lost_are_of_no_use_where_tokens_are_wanted(tmp_path: Path) -> None:
    folder = tmp_path / "traces"
    store = TraceStore(folder, "old", 4, block=2, with_tokens=True)
    for index in range(4):
        store.add(index, row(index) | {"logprobs": [-0.5], "entropies": [0.1]})
    (tmp_path / "tokens" / "part-00000.parquet").unlink()
    move_to_cache(folder)
    assert not list((tmp_path / "tokens").glob("part-*"))
    ids = [f"r{index:04d}" for index in range(4)]
    assert sorted(TraceStore(folder, "new", 4, block=2, with_tokens=True).cached(ids)) == ids[2:]
    assert sorted(TraceStore(folder, "new", 4, block=2).cached(ids)) == ids


def test_tokens_that_a_kill_left_without_their_part_go_with_a_changed_plan(tmp_path: Path) -> None:
    folder = tmp_path / "traces"
    store = TraceStore(folder, "old", 2, block=2, with_tokens=True)
    for index in range(2):
        store.add(index, row(index) | {"logprobs": [-0.5], "entropies": [0.1]})
    part_path(folder, 0).unlink()
    TraceStore(folder, "new", 2, block=2)
    assert not list((tmp_path / "tokens").glob("part-*"))


def test_the_cache_keeps_every_row_once_however_often_plans_change(tmp_path: Path) -> None:
    for plan, indices in (("a", range(6)), ("b", range(3, 9)), ("c", [0, 8])):
        store = TraceStore(tmp_path, plan, len(indices), block=2)
        known = store.cached([f"r{index:04d}" for index in indices])
        for place, index in enumerate(indices):
            store.add(place, known.get(f"r{index:04d}", row(index)))
    drop_from_cache(tmp_path)
    cached = [
        name for path in (tmp_path / "cache").glob("*.parquet") for name in pl.read_parquet(path)["trace_id"].to_list()
    ]
    assert sorted(cached) == [f"r{index:04d}" for index in range(1, 8)]
