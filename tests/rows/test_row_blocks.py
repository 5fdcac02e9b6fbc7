"""Rows in blocks are the rows themselves, and equal digests mean equal rows."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infogap.errors import InputError
from infogap.recipe.sources import FileTasks
from infogap.rows import row_blocks
from infogap.rows.row_blocks import RowBlock, read_blocks
from infogap.rows.source_rows import read_rows

VALUE = st.none() | st.text(max_size=8) | st.integers(-5, 5)
ROWS = st.lists(st.fixed_dictionaries({"question": st.text(max_size=8), "answer": VALUE}), max_size=14)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_blocks, "ROWS_PER_BLOCK", 3)
    monkeypatch.setattr(row_blocks, "_ROWS_AT_ONCE", 2)


def source(*names: str, **keys: Any) -> FileTasks:
    return FileTasks.model_validate({"from": list(names) if len(names) > 1 else names[0], **keys})


def blocks_of(folder: Path, read: FileTasks) -> list[tuple[RowBlock, list[tuple[int, dict[str, Any]]]]]:
    """The blocks, each with its rows, read before the next block is asked for."""
    return [(block, list(block.rows())) for block in read_blocks(folder, read, None)]


def write_lines(path: Path, rows: list[dict[str, Any]], blank: set[int]) -> None:
    path.write_text("".join("\n" * (place in blank) + json.dumps(row) + "\n" for place, row in enumerate(rows)))


def write_parquet(path: Path, rows: list[dict[str, Any]], group: int) -> None:
    texts = [{key: None if value is None else str(value) for key, value in row.items()} for row in rows]
    schema = {"question": pl.String, "answer": pl.String}
    pl.DataFrame(texts, schema=schema).write_parquet(path, row_group_size=group)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(first=ROWS, second=ROWS, blank=st.sets(st.integers(0, 13)), group=st.integers(1, 5))
def test_blocks_hold_the_rows_with_their_numbers(
    tmp_path: Path, first: list[dict[str, Any]], second: list[dict[str, Any]], blank: set[int], group: int
) -> None:
    write_lines(tmp_path / "a.jsonl", first, blank)
    write_parquet(tmp_path / "b.parquet", second, group)
    (tmp_path / "c.jsonl.gz").write_bytes(gzip.compress((tmp_path / "a.jsonl").read_bytes() + b"\n\n"))
    (tmp_path / "d.jsonl").write_bytes((tmp_path / "a.jsonl").read_bytes() + b" \n")
    read = source("a.jsonl", "c.jsonl.gz", "b.parquet", "d.jsonl")
    blocks = blocks_of(tmp_path, read)
    assert [row for _, rows in blocks for row in rows] == list(read_rows(tmp_path, read, None))
    for block, rows in blocks:
        if block.digest is not None:
            assert block.first <= rows[0][0] and block.last == rows[-1][0]
    by_digest: dict[str, list[tuple[int, dict[str, Any]]]] = {}
    for block, rows in blocks:
        relative = [(number - block.first, row) for number, row in rows]
        assert block.digest is None or by_digest.setdefault(block.digest, relative) == relative


def test_a_file_that_has_grown_begins_with_the_same_blocks(tmp_path: Path) -> None:
    rows = [{"question": f"q{number}", "answer": None if number % 3 else "4"} for number in range(11)]
    digests = {}
    for ending, sizes in (("jsonl", (0,)), ("parquet", (4, 2, 100))):
        for size in sizes:
            for count in (7, 11):
                path = tmp_path / f"a.{ending}"
                if ending == "jsonl":
                    write_lines(path, rows[:count], set())
                else:
                    write_parquet(path, rows[:count], size)
                digests[ending, size, count] = [block.digest for block, _ in blocks_of(tmp_path, source(path.name))]
            assert digests[ending, size, 7][:2] == digests[ending, size, 11][:2]
            assert len({*digests[ending, size, 7], *digests[ending, size, 11]}) == 5
    assert digests["parquet", 4, 11] == digests["parquet", 2, 11] == digests["parquet", 100, 11]


def test_rows_that_are_no_json_are_named_by_their_number(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"question": "a"}\n' * 4 + "\n{\n")
    with pytest.raises(InputError, match=r"a\.jsonl, row 6: not valid JSON"):
        blocks_of(tmp_path, source("a.jsonl"))
    (tmp_path / "b.parquet").write_bytes(b"no parquet")
    with pytest.raises(InputError, match=r"b\.parquet: not readable as Parquet"):
        blocks_of(tmp_path, source("b.parquet"))
    (tmp_path / "c.jsonl").write_bytes(b'{"question": "\xff"}\n')
    with pytest.raises(InputError, match=r"c\.jsonl is not UTF-8"):
        blocks_of(tmp_path, source("c.jsonl"))
