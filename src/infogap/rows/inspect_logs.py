"""Inspect's evaluation logs: a `.eval` archive holds a JSON file per sample."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Iterator
from typing import IO, Any
from zipfile import BadZipFile, ZipFile, ZipInfo

from infogap.errors import InputError

SAMPLES = "samples"
"""The name of a log's list of rows, in JSON and as the folder of an archive."""

_SAMPLE = re.compile(r"samples/.+\.json")
_ATTACHED = "attachment://"
_ZSTD = 93  # a method of compression that Python's zipfile does not know


def samples(file: IO[bytes], name: str) -> Iterator[dict[str, Any]]:
    """Yield the samples of an archive, in the order of their names. Raises InputError where it is not one."""
    try:
        with ZipFile(file) as archive:
            entries = [entry for entry in archive.infolist() if _SAMPLE.fullmatch(entry.filename)]
            if not entries:
                raise InputError(f"{name}: the log holds no samples")
            for entry in sorted(entries, key=_number):
                yield json.loads(_read(archive, file, entry))
    except (BadZipFile, ValueError, RecursionError, struct.error) as error:
        raise InputError(f"{name}: not readable as an evaluation log: {error}") from error


def _number(entry: ZipInfo) -> list[tuple[int, str]]:
    """Sort key by the numbers in a name: sample 10 comes after sample 9."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", entry.filename)]


def _read(archive: ZipFile, file: IO[bytes], entry: ZipInfo) -> bytes:
    if entry.compress_type != _ZSTD:
        return archive.read(entry)
    import pyarrow as pa

    file.seek(entry.header_offset)
    header = struct.unpack("<4s5H3L2H", file.read(30))  # the local file header of a ZIP archive
    file.seek(entry.header_offset + 30 + header[-2] + header[-1])
    packed = file.read(entry.compress_size)
    return bytes(pa.decompress(packed, entry.file_size, codec="zstd", asbytes=True))


def with_attachments(row: dict[str, Any]) -> dict[str, Any]:
    """Put the long texts that Inspect stores in `attachments` back into a sample."""
    attached = row.get("attachments")
    if not isinstance(attached, dict) or not attached:
        return row
    return {key: value if key == "attachments" else _resolved(value, attached) for key, value in row.items()}


def _resolved(value: Any, attached: dict[str, Any]) -> Any:
    if isinstance(value, dict):
        return {key: _resolved(item, attached) for key, item in value.items()}
    if isinstance(value, list):
        return [_resolved(item, attached) for item in value]
    if isinstance(value, str) and value.startswith(_ATTACHED):
        return attached.get(value.removeprefix(_ATTACHED), value)
    return value
