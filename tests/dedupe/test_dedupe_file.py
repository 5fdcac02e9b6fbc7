"""Duplicates among the rows of a file: the same whatever the format, and whatever is in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dedupe.test_text_duplicates import variants
from infogap.dedupe import dedupe_file
from infogap.dedupe.dedupe_file import FileDuplicates, duplicates_in, write_kept
from infogap.errors import InputError
from infogap.recipe.dedupe_section import Dedupe

SETTINGS = Dedupe(scope="all")


def written(folder: Path, rows: list[dict[str, Any]], ending: str) -> Path:
    file = folder / f"rows.{ending}"
    if ending == "jsonl":
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        pl.DataFrame(rows).write_parquet(file)
    return file


def removed(found: FileDuplicates) -> dict[int, int]:
    return {removal.row: removal.duplicate_of for removal in found.removed}


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
def test_rows_that_stay_are_written_as_they_are(tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dedupe_file, "ROWS_AT_ONCE", 3)
    text = variants(1, 1, 0)[0]
    texts = [text, "other", text.upper(), None, text + " more", "", "other"]
    rows = [{"id": number, "text": each, "more": [number]} for number, each in enumerate(texts)]
    file = written(tmp_path, rows, ending)
    found = duplicates_in(file, "text", SETTINGS)
    assert removed(found) == {2: 0, 4: 0, 6: 1}
    assert (found.rows, found.without_text) == (7, 2)
    output = tmp_path / f"out.{ending}"
    write_kept(file, found.table()["row"].to_numpy(), output)
    kept = pl.read_ndjson(output) if ending == "jsonl" else pl.read_parquet(output)
    assert kept.to_dicts() == [rows[number] for number in (0, 1, 3, 5)]
    if ending == "jsonl":
        lines = file.read_bytes().splitlines()
        assert output.read_bytes().splitlines() == [lines[number] for number in (0, 1, 3, 5)]


def test_the_longest_of_two_can_stay(tmp_path: Path) -> None:
    text = variants(1, 1, 0)[0]
    file = written(tmp_path, [{"text": text}, {"text": text + " and more"}], "jsonl")
    assert removed(duplicates_in(file, "text", SETTINGS)) == {1: 0}
    assert removed(duplicates_in(file, "text", Dedupe(scope="all", keep="longest"))) == {0: 1}


@settings(max_examples=50, deadline=None)
@given(st.lists(st.one_of(st.none(), st.text(max_size=20)), min_size=1, max_size=8))
def test_any_text_is_compared(tmp_path_factory: pytest.TempPathFactory, texts: list[str | None]) -> None:
    """Lone surrogates too, which JSON can hold."""
    file = written(tmp_path_factory.mktemp("any"), [{"text": text} for text in texts], "jsonl")
    found = duplicates_in(file, "text", SETTINGS)
    assert found.rows == len(texts)
    for row, keeper in removed(found).items():
        assert keeper < row and keeper not in removed(found)


def test_a_lone_surrogate_and_a_very_long_text(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text(
        '{"text": "half \\ud800 a pair"}\n' + json.dumps({"text": "very long " * 1_000_000}) + '\n\n{"text": null}\n'
    )
    found = duplicates_in(tmp_path / "rows.jsonl", "text", SETTINGS)
    assert (found.rows, found.without_text, found.removed) == (3, 1, [])


def test_copies_by_the_thousand_go_at_once(tmp_path: Path) -> None:
    text, near = variants(1, 1, 0)[0], variants(1, 1, 0)[0] + " more"
    file = tmp_path / "rows.parquet"
    pl.DataFrame({"text": [text] * 50_000 + [near] * 50_000}).write_parquet(file)
    found = duplicates_in(file, "text", SETTINGS)
    assert len(found.removed) == 99_999
    assert {removal.duplicate_of for removal in found.removed} == {0}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", '{"txt": "a"}\n', r"no row has 'text' \(did you mean 'txt'\?\); its columns are txt"),
        ("a.jsonl", '{"text": 3}\n', "row 0: 'text' is not text, found 3"),
        ("a.jsonl", '{"text": ["a"]}\n', r"found \[\"a\"\]; its first item is 'text\[0\]'"),
        ("a.jsonl", '["a"]\n', r"row 0: a row is a mapping, found \[\"a\"\]"),
        ("a.jsonl", '{"text": "a"}\n{"text"\n', "row 1: not valid JSON"),
        ("a.parquet", "no Parquet", "cannot read"),
        ("a.csv", "text\na\n", "reads .parquet and .jsonl files"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path: Path, name: str, content: str, message: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=message):
        duplicates_in(tmp_path / name, "text", SETTINGS)


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
def test_a_path_leads_to_a_text(tmp_path: Path, ending: str) -> None:
    text = variants(1, 1, 0)[0]
    chats = [[{"content": text}], [{"content": "other"}], [], [{"content": text + " more"}]]
    inside = [json.dumps({"of": [text]}), json.dumps({"of": []}), None, json.dumps({"of": [text.upper()]})]
    rows = [{"chat": chat, "extra": extra} for chat, extra in zip(chats, inside, strict=True)]
    file = written(tmp_path, rows, ending)
    found = duplicates_in(file, "chat[0].content", SETTINGS)
    assert (removed(found), found.rows, found.without_text) == ({3: 0}, 4, 1)
    found = duplicates_in(file, "extra.of[0]", SETTINGS)
    assert (removed(found), found.without_text) == ({3: 0}, 2)
    with pytest.raises(InputError, match=r"no row has 'chat\[0\].contents' \(did you mean 'chat\[0\].content'\?\)"):
        duplicates_in(file, "chat[0].contents", SETTINGS)
    with pytest.raises(InputError, match="'chat"):
        duplicates_in(file, "chat", SETTINGS)


def test_a_file_without_any_text_has_no_duplicates(tmp_path: Path) -> None:
    for name, content in (("none.jsonl", ""), ("null.jsonl", '{"text": null}\n{"text": " "}\n')):
        (tmp_path / name).write_text(content)
        assert duplicates_in(tmp_path / name, "text", SETTINGS).removed == []


def test_a_column_of_parquet_must_be_there_and_text(tmp_path: Path) -> None:
    file = tmp_path / "rows.parquet"
    pl.DataFrame({"text": [1], "txet": ["a"]}).write_parquet(file)
    with pytest.raises(InputError, match="'text' is not text but int64"):
        duplicates_in(file, "text", SETTINGS)
    with pytest.raises(InputError, match="has no column 'texts'"):
        duplicates_in(file, "texts", SETTINGS)
    with pytest.raises(InputError, match="is the input"):
        write_kept(file, pl.Series([0]).to_numpy(), file)
    with pytest.raises(InputError, match="there is no file"):
        duplicates_in(tmp_path / "none.parquet", "text", SETTINGS)
