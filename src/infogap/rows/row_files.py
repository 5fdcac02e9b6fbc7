"""Read the rows of a file, each with its number: JSON lines, JSON, CSV, Parquet, Inspect's logs."""

from __future__ import annotations

import csv
import io
import json
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from infogap.errors import InfogapError, InputError
from infogap.rows.arrow_rows import rows_of
from infogap.rows.column_paths import MISSING, missing_column, reach, touches
from infogap.rows.file_locations import Place
from infogap.rows.inspect_logs import SAMPLES, samples, with_attachments
from infogap.rows.remote_files import decompressed

if TYPE_CHECKING:
    import pyarrow as pa

Rows = Iterator[tuple[int, dict[str, Any]]]
"""Numbered from 1: a JSONL file's lines, other files' rows without the header."""
_NEED_SEEKING = (".parquet", ".eval")  # kinds that are not read from beginning to end
_BATCH = 256  # Parquet rows held at once; a row can be a long trace
_DEPTH = 3  # levels of a JSON object that are searched for lists of rows
_SHOWN = 6  # lists named in a message
_TOO_DEEP = "its JSON is nested too deeply to be read"
_TOO_LARGE = "a number has thousands of digits; write it as text"


@dataclass(frozen=True)
class Wanted:
    """The column paths to read; those of `optional` may be missing."""

    paths: tuple[str, ...]
    optional: frozenset[str] = frozenset()


def read_rows(place: Place, wanted: Wanted | None, rows: str | None = None) -> Rows:
    """Yield the rows of a file; from Parquet only the wanted columns (None: all).

    `rows` names the list of rows inside a JSON object. Raises InputError, with the row, where the content does not
    match the suffix.
    """
    name = place.name
    in_archive = place.kind == ".eval" and rows == SAMPLES
    if rows is not None and place.kind not in (".json", ".jsonl") and not in_archive:
        raise InputError(f"{name}: `rows` names a list inside a JSON file, which this is not")
    with opened(place) as file:
        seeking = place.compression and place.kind in _NEED_SEEKING
        content = io.BytesIO(file.read()) if seeking else file
        yield from _reader(place.kind, wanted, rows)(content, name)


@contextmanager
def opened(place: Place) -> Iterator[IO[bytes]]:
    """Open a file, decompressed. What fails while it is read is raised as an InputError of one line."""
    name = place.name
    try:
        with place.errors(), place.open() as raw, decompressed(raw, place.compression) as file:
            yield file
    except InfogapError:
        raise
    except UnicodeDecodeError as error:
        raise InputError(f"{name} is not UTF-8 text (byte {error.start}); convert it first") from error
    except (EOFError, zlib.error) as error:
        raise InputError(f"cannot read {name}: damaged or truncated: {error}") from error
    except OSError as error:
        raise InputError(f"cannot read {name}: {error.strerror or error}") from error


def _reader(kind: str, wanted: Wanted | None, rows: str | None) -> Callable[[IO[bytes], str], Rows]:
    match kind:
        case ".jsonl":
            return lambda file, name: rows_of_lines(text_of(file), name) if rows is None else _json(file, name, rows)
        case ".json":
            return lambda file, name: _json(file, name, rows)
        case ".csv":
            return _csv
        case ".eval":
            return lambda file, name: enumerate(map(with_attachments, samples(file, name)), 1)
    return lambda file, name: _parquet(file, name, wanted)


def text_of(file: IO[bytes]) -> io.TextIOWrapper:
    """Return a file's text, line by line as its bytes have them."""
    return io.TextIOWrapper(file, encoding="utf-8-sig", newline="")


def rows_of_lines(lines: Iterable[str], name: str, first: int = 1) -> Rows:
    """Parse lines of JSON, numbered from `first`; blank ones are no rows."""
    for number, line in enumerate(lines, first):
        if line.strip():
            yield number, _object(_parsed(line, f"{name}, row {number}"), f"{name}, row {number}")


def _json(file: IO[bytes], name: str, rows: str | None) -> Rows:
    text = text_of(file).read()
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        if error.msg == "Extra data" and error.lineno > 1 and rows is None:  # JSON lines under the wrong suffix
            yield from rows_of_lines(io.StringIO(text), name)
            return
        raise InputError(f"{name}: not valid JSON: {error}") from error
    except ValueError:
        raise InputError(f"{name}: {_TOO_LARGE}") from None
    except RecursionError:
        raise InputError(f"{name}: {_TOO_DEEP}") from None
    for number, item in enumerate(_list_in(document, name, rows), 1):
        yield number, with_attachments(_object(item, f"{name}, row {number}"))


def _list_in(document: Any, name: str, rows: str | None) -> list[Any]:
    """Return a document that is a list, or the list in it that `rows` names."""
    if rows is None:
        if isinstance(document, list):
            return document
        instead = f"this one is {_kind(document)}{_hint(document)}"
        raise InputError(f"{name}: a JSON file of rows is a list of objects, {instead}")
    named = reach(document, rows) if isinstance(document, dict) else MISSING
    if isinstance(named, list):
        return named
    what = "nothing" if named is MISSING else _kind(named)
    raise InputError(f"{name}: `rows: {rows}` names {what}, and not a list{_hint(document)}")


def lists_of_rows(place: Place) -> list[str]:
    """Return the paths of the lists of objects in a JSON file that is an object, longest first; none in others."""
    try:
        with place.errors(), place.open() as raw, decompressed(raw, place.compression) as file:
            document = json.loads(text_of(file).read())
    except (OSError, EOFError, ValueError, RecursionError):
        return []
    return [path for path, _ in _lists_by_length(document)]


def _lists_by_length(document: Any) -> list[tuple[str, int]]:
    return sorted(_lists(document, ""), key=lambda item: -item[1])


def _hint(document: Any) -> str:
    """Name the lists of objects in a document by their paths."""
    items = _lists_by_length(document)
    if not items:
        return "; it holds no list of objects"
    listed = ", ".join(f"`{path}` ({count:,})" for path, count in items[:_SHOWN])
    return f"; it holds lists of objects under {listed}: name one, as `rows: {items[0][0]}`"


def _lists(node: Any, path: str, depth: int = 0) -> Iterator[tuple[str, int]]:
    if isinstance(node, dict) and depth < _DEPTH:
        for key, value in node.items():
            yield from _lists(value, f"{path}.{key}" if path else str(key), depth + 1)
    elif isinstance(node, list) and path and node and all(isinstance(item, dict) for item in node):
        yield path, len(node)


def _parsed(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"{where}: not valid JSON: {error.msg} at character {error.pos + 1}") from error
    except ValueError:
        raise InputError(f"{where}: {_TOO_LARGE}") from None
    except RecursionError:
        raise InputError(f"{where}: {_TOO_DEEP}") from None


def _object(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputError(f"{where}: expected an object with the row's columns, found {_kind(value)}")
    return value


def _kind(value: Any) -> str:
    kinds = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "null"}
    return kinds.get(type(value), "a number")


def _csv(binary: IO[bytes], name: str) -> Rows:
    """Read CSV. Every value is kept as text: 007 is not 7."""
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    reader = csv.DictReader(text_of(binary), strict=True)
    try:
        header = list(reader.fieldnames or [])
    except csv.Error as error:
        raise InputError(f"{name}: its header is not valid CSV: {error}") from error
    twice = sorted({column for column in header if header.count(column) > 1})
    if twice:
        raise InputError(f"{name}: its header names {', '.join(twice)} twice")
    number = 0
    try:
        for number, row in enumerate(reader, 1):
            if None in row:
                raise InputError(f"{name}, row {number}: more fields than the header has; quote fields with commas")
            yield number, row
    except csv.Error as error:
        raise InputError(f"{name}, row {number + 1}: not valid CSV: {error}") from error


def _parquet(binary: IO[bytes], name: str, wanted: Wanted | None) -> Rows:
    number = 0
    for batch in parquet_batches(binary, name, wanted, _BATCH):
        for row in rows_of(batch):
            number += 1
            yield number, row


def parquet_batches(binary: IO[bytes], name: str, wanted: Wanted | None, rows: int) -> Iterator[pa.RecordBatch]:
    """Yield the wanted columns of a Parquet file, at most `rows` rows at a time."""
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(binary) as file:
            columns = needed(file.schema_arrow.names, name, wanted)
            yield from file.iter_batches(batch_size=rows, columns=columns)
    except ArrowException as error:
        raise InputError(f"{name}: not readable as Parquet: {str(error).splitlines()[0]}") from error


def needed(names: list[str], source: str, wanted: Wanted | None) -> list[str]:
    """Return the wanted columns of a table. Raises InputError for a path that leads into none."""
    if wanted is None:
        return names
    for path in wanted.paths:
        if path not in wanted.optional and not any(touches(path, column) for column in names):
            raise missing_column(source, path, [dict.fromkeys(names)])
    return [column for column in names if any(touches(path, column) for path in wanted.paths)]
