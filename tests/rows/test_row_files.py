"""The four file formats give the same rows; damaged files name the row."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infogap.errors import InputError
from infogap.rows.file_locations import Place
from infogap.rows.row_files import Wanted, read_rows

_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20)
_TABLES = st.lists(st.fixed_dictionaries({"question": _TEXT, "answer": _TEXT}), min_size=1, max_size=5)


def _write(path: Path, rows: list[dict[str, str]]) -> Path:
    if path.suffix == ".jsonl":
        path.write_bytes("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode())
    elif path.suffix == ".json":
        path.write_bytes(json.dumps(rows, ensure_ascii=False).encode())
    elif path.suffix == ".csv":
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]), quoting=csv.QUOTE_ALL)
            writer.writeheader()
            writer.writerows(rows)
    else:
        pl.DataFrame(rows).write_parquet(path)
    return path


def _read(path: Path, *paths: str) -> list[tuple[int, dict[str, Any]]]:
    return list(read_rows(Place(path.name, path), Wanted(paths or ("question", "answer"))))


@pytest.mark.parametrize("suffix", [".jsonl", ".json", ".csv", ".parquet"])
@given(rows=_TABLES)
def test_every_format_gives_back_the_rows(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, rows: list[dict[str, str]]
) -> None:
    path = _write(tmp_path_factory.mktemp("rows") / f"rows{suffix}", rows)
    assert _read(path) == list(enumerate(rows, 1))


def test_csv_values_stay_the_text_that_they_are(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text('question,answer\n"How many, in all?",007\nHow much?,27.0\n')
    assert [row["answer"] for _, row in _read(path)] == ["007", "27.0"]


def test_of_parquet_only_the_needed_columns_are_read(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    frame = pl.DataFrame({"info": [{"q": "a", "n": 1}], "a.b": ["dotted"], "trace": ["very long"]})
    frame.write_parquet(path)
    assert _read(path, "info.q", "a.b") == [(1, {"info": {"q": "a", "n": 1}, "a.b": "dotted"})]


def test_a_jsonl_row_is_its_line(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"question": "a"}\n\n{"question": "b"}\n')
    assert [number for number, _ in _read(path)] == [1, 3]


def test_json_lines_under_the_name_of_json_are_read(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_text('{"question": "a"}\n{"question": "b"}\n')
    assert [row["question"] for _, row in _read(path)] == ["a", "b"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("rows.jsonl", b'{"a": 1}\n{"a": \n', "rows.jsonl, row 2: not valid JSON"),
        (
            "rows.jsonl",
            b'{"a": 1}\n[1]\n',
            "rows.jsonl, row 2: expected an object with the row's columns, found a list",
        ),
        ("rows.json", b'{"a": 1}', "a JSON file of rows is a list of objects, this one is an object; it holds no list"),
        ("rows.json", b"[{]", "rows.json: not valid JSON"),
        ("rows.json", b'["x"]', "rows.json, row 1: expected an object with the row's columns, found text"),
        ("rows.csv", b"a,b\n1,2\n1,2,3\n", "rows.csv, row 2: more fields than the header has"),
        ("rows.csv", b"a,a\n1,2\n", "its header names a twice"),
        ("rows.csv", b'a,b\n"1,2\n', "rows.csv, row 1: not valid CSV"),
        ("rows.jsonl", b'{"a": "\xff"}\n', "rows.jsonl is not UTF-8 text"),
        ("rows.parquet", b"PAR1 not really", "rows.parquet: not readable as Parquet"),
    ],
)
def test_a_damaged_file_is_named_with_the_row(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        _read(path)
    assert message in str(caught.value)


def test_a_missing_parquet_column_is_known_before_any_row(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pl.DataFrame({"question": ["a"], "answers": ["1"]}).write_parquet(path)
    with pytest.raises(InputError, match=r"no row has 'answer' \(did you mean 'answers'\?\)"):
        next(read_rows(Place(path.name, path), Wanted(("question", "answer"))))


@pytest.mark.parametrize("suffix", [".jsonl", ".json"])
def test_json_that_is_nested_too_deeply_names_its_row(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"rows{suffix}"
    row = '{"question": "a", "answer": "b", "deep": ' + "[" * 5_000 + "]" * 5_000 + "}\n"
    path.write_text(row if suffix == ".jsonl" else f"[{row}]")
    with pytest.raises(InputError, match=rf"rows{suffix}.* nested too deeply"):
        _read(path)


@pytest.mark.parametrize(
    ("name", "content"),
    [("rows.csv", b'"'), ("rows.jsonl", b'{"question": ' + b"9" * 5_000 + b"}"), ("rows.json", b"9" * 5_000)],
)
def test_what_no_reader_takes_is_wrong_input(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=name):
        _read(tmp_path / name)
