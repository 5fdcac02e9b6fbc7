"""Digests of what a source's files hold, by which a stage notices that they have changed."""

from __future__ import annotations

import os
import time
from glob import has_magic
from pathlib import Path
from typing import Any

from infogap.ids import digest, file_digest
from infogap.recipe import resolved
from infogap.recipe.sources import RowSource, Source
from infogap.rows.file_locations import find_places, is_url, matching, short_path
from infogap.runs.run_folder import Run

_SETTLED_NS = 2_000_000_000  # a file that changed less than this ago may change again within one tick of its clock

# Several stages read the same sources, which may be large: the digest of each file, by its state at that time.
_known: dict[Path, tuple[tuple[int, ...], str]] = {}


def contents(run: Run, source: Source) -> dict[str, Any]:
    """Return digests of a source's bytes, and of the file that it is joined with."""
    joined = {} if source.join is None else {"joined_sha256": content(run, source.join)}
    return {"sha256": content(run, source)} | joined


def content(run: Run, source: RowSource) -> str | list[str | None] | None:
    """Return a digest of the source's bytes, or one for each of several files.

    It is None where the bytes are not on this machine, or missing.
    """
    digests = [_digest(run.base, entry) for entry in source.files]
    return digests[0] if len(digests) == 1 else digests


def check_places(run: Run, source: Source) -> None:
    """Raise InputError if a source's files are not there. Neither the Hub nor a URL is contacted."""
    for one in (source, *([] if source.join is None else [source.join])):
        if not any(is_url(entry) for entry in one.files):
            find_places(run.base, one)


def _digest(base: Path, entry: str) -> str | None:
    if is_url(entry):
        return None
    path = resolved(base, entry)
    if path.is_file():
        return source_file_digest(path)
    if path.is_dir():
        return _digest_of(path, [one for one in path.rglob("*") if one.is_file()])
    paths = matching(base, entry) if has_magic(entry) else []
    return _digest_of(base, paths) if paths else None


def _digest_of(folder: Path, inside: list[Path]) -> str:
    return digest([[short_path(path, folder), source_file_digest(path)] for path in sorted(inside)])


def source_file_digest(path: Path) -> str:
    """Return the SHA-256 of a file's bytes; a file that this process has read is read again only if it has changed."""
    path = path.absolute()
    before = path.stat()
    known = _known.get(path)
    if known is not None and known[0] == _state(before):
        return known[1]
    found = file_digest(path)
    settled = time.time_ns() - before.st_mtime_ns > _SETTLED_NS
    if settled and _state(path.stat()) == _state(before):
        _known[path] = (_state(before), found)
    return found


def _state(stat: os.stat_result) -> tuple[int, ...]:
    # The time of the last change to the file's own record, too: programs can set the time of its content.
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns
