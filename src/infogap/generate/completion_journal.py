"""The journals of blocks that are not whole yet: one JSON line per completion."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from infogap.console import detail

Row = dict[str, Any]


def read_journal(path: Path, index: str) -> dict[int, Row]:
    """The rows of a journal by their key `index`; empty where there is no file. A line torn by a kill is cut off."""
    if not path.is_file():
        return {}
    content = path.read_bytes()
    kept = content[: content.rfind(b"\n") + 1]
    if len(kept) < len(content):
        with path.open("rb+") as journal:
            journal.truncate(len(kept))
    rows: dict[int, Row] = {}
    for line in kept.splitlines():
        try:
            row = orjson.loads(line)
        except orjson.JSONDecodeError:
            detail(f"{path}: an unreadable line; its request is asked again")
            continue
        rows.setdefault(row.pop(index), row)
    return rows
