"""Rows of local files: JSON lines, JSON, CSV and Parquet, each with its number."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from infogap.errors import UserError
from infogap.rows.columns import missing_column, touches

Rows = Iterator[tuple[int, dict[str, Any]]]
"""Numbered from 1: a JSONL file's lines, other files' rows without the header."""

SUFFIXES = (".jsonl", ".json", ".csv", ".parquet")
_BATCH = 256  # Parquet rows held at once; a row can be a long trace


def read_rows(path: Path, name: str, paths: list[str]) -> Rows:
    """The rows of a file; of Parquet only the columns that `paths` lead into.

    `name` is what messages call the file. Raises UserError, with the row, where the file is not what
    its suffix says.
    """
    reader = {".jsonl": _jsonl, ".json": _json, ".csv": _csv}.get(path.suffix.lower())
    try:
        if reader is None:
            yield from _parquet(path, name, paths)
        else:
            yield from reader(path, name)
    except UnicodeDecodeError as error:
        raise UserError(f"{name} is not UTF-8 text (byte {error.start}); convert it first") from error
    except OSError as error:
        raise UserError(f"cannot read {name}: {error.strerror or error}") from error


def _jsonl(path: Path, name: str) -> Rows:
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                yield number, _object(_parsed(line, f"{name}, row {number}"), f"{name}, row {number}")


def _json(path: Path, name: str) -> Rows:
    text = path.read_text(encoding="utf-8-sig")
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        if error.msg == "Extra data" and error.lineno > 1:  # JSON lines under the wrong suffix
            yield from _jsonl(path, name)
            return
        raise UserError(f"{name}: not valid JSON: {error}") from error
    if not isinstance(document, list):
        raise UserError(f"{name}: a JSON file of tasks is a list of objects, this one is {_kind(document)}")
    for number, item in enumerate(document, 1):
        yield number, _object(item, f"{name}, row {number}")


def _parsed(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise UserError(f"{where}: not valid JSON: {error.msg} at character {error.pos + 1}") from error


def _object(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UserError(f"{where}: expected an object with the row's columns, found {_kind(value)}")
    return value


def _kind(value: Any) -> str:
    kinds = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "null"}
    return kinds.get(type(value), "a number")


def _csv(path: Path, name: str) -> Rows:
    """Every value stays the text that it is: 007 is not 7."""
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, strict=True)
        header = list(reader.fieldnames or [])
        twice = sorted({column for column in header if header.count(column) > 1})
        if twice:
            raise UserError(f"{name}: its header names {', '.join(twice)} twice")
        number = 0
        try:
            for number, row in enumerate(reader, 1):
                if None in row:
                    raise UserError(f"{name}, row {number}: more fields than the header has; quote fields with commas")
                yield number, row
        except csv.Error as error:
            raise UserError(f"{name}, row {number + 1}: not valid CSV: {error}") from error


def _parquet(path: Path, name: str, paths: list[str]) -> Rows:
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(path) as file:
            names = file.schema_arrow.names
            wanted = needed(names, name, paths)
            number = 0
            for batch in file.iter_batches(batch_size=_BATCH, columns=wanted):
                for row in batch.to_pylist():
                    number += 1
                    yield number, row
    except ArrowException as error:
        raise UserError(f"{name}: not readable as Parquet: {str(error).splitlines()[0]}") from error


def needed(names: list[str], source: str, paths: list[str]) -> list[str]:
    """Those of a table's columns that `paths` lead into. Raises UserError for a path that leads into none."""
    for path in paths:
        if not any(touches(path, column) for column in names):
            raise missing_column(source, path, [dict.fromkeys(names)])
    return [column for column in names if any(touches(path, column) for path in paths)]
