"""The user's cache folder, and values kept in it that would be slow to compute again."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson

from infogap.atomic_files import whole_file
from infogap.errors import ExternalError
from infogap.ids import digest


def cache_folder() -> Path:
    """Return the folder for what can be fetched or computed again: under XDG_CACHE_HOME, by default ~/.cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "infogap"


def kept(kind: str, of: object, compute: Callable[[], Any]) -> Any:
    """Return what `compute` returned for `of` (JSON-able) at some time, or compute and keep it.

    A file that is damaged, or holds anything else, is computed again and replaced. A folder that cannot be written
    keeps nothing, nor is a value kept that JSON would change.
    """
    key = digest([kind, of])
    value = _read(key, path := _path(kind, key))
    if value is None:
        value = compute()
        with suppress(ExternalError):
            _write(key, path, value)
    return value


def _path(kind: str, key: str) -> Path | None:
    with suppress(RuntimeError):  # a user without a home folder
        return cache_folder() / kind / f"{key}.json"
    return None


def _read(key: str, path: Path | None) -> Any:
    if path is None:
        return None
    try:
        record = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return None
    if not isinstance(record, dict) or record.get("digest") != digest([key, record.get("value")]):
        return None
    return record["value"]


def _write(key: str, path: Path | None, value: Any) -> None:
    try:
        written = orjson.dumps({"digest": digest([key, value]), "value": value})
    except orjson.JSONEncodeError:
        return
    if path is None or value is None or orjson.loads(written)["value"] != value:  # JSON has no NaN
        return
    with whole_file(path) as temporary:  # named after the process: another one can write the same value
        temporary.write_bytes(written)
