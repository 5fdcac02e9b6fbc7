"""How far the scoring is, on disk: for `infogap status`, which may look from another terminal or after a stop."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson

from infogap.atomic_files import write_text
from infogap.gap.score_cache import FOLDER
from infogap.runs.run_folder import Run
from infogap.schema import GAPS

_FILE = "progress.json"
_SECONDS = 2.0  # between two writes


@contextmanager
def progress_on_disk(folder: Path, done: int, total: int) -> Iterator[Callable[[int], None]]:
    """Gives a function to be told of traces that are scored; `done` of `total` were so before."""
    counted, written = done, 0.0

    def note() -> None:
        write_text(folder / _FILE, orjson.dumps({"done": counted, "total": total}).decode() + "\n")

    def advance(traces: int) -> None:
        nonlocal counted, written
        counted += traces
        if time.monotonic() - written > _SECONDS:
            written = time.monotonic()
            note()

    note()
    try:
        yield advance
    finally:
        note()


def scored_before(run: Run) -> tuple[int, str] | None:
    """Traces scored by a command that did not end, and of how many; None where none was begun."""
    try:
        found = orjson.loads((run.path / GAPS.name / FOLDER / _FILE).read_bytes())
        return found["done"], f"{found['done']:,} of {found['total']:,} traces are scored"
    except (OSError, ValueError, KeyError, TypeError):
        return None
