"""Verdicts that generation needs: given when a round ends, stored, and reused by the verify stage.

They are stored because the next requests depend on them: a verifier that reaches its time limit on one day and not on
another must not change what a resumed run requests. Every part of the traces table has its own file of verdicts, which
is removed when the part is moved or rewritten.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import polars as pl

from infogap.atomic_files import write_text
from infogap.errors import ExternalError
from infogap.ids import canonical
from infogap.runs.run_folder import Run, check_part, read_part, write_part
from infogap.schema import TRACES, VERDICTS

_FOLDER = "judged"  # in the traces folder
_SETTINGS = "settings.json"


def judged_path(part: Path) -> Path:
    """Return the file of the verdicts on a part's traces."""
    return part.parent / _FOLDER / part.name


def is_judged(part: Path) -> bool:
    """Whether a part has verdicts. A damaged file is removed: the traces can be graded again."""
    path = judged_path(part)
    try:
        if path.is_file():
            check_part(path)
            return True
    except ExternalError:
        path.unlink()
    return False


def write_judged(part: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Store the verdicts on a part (rows of the verdicts table)."""
    write_part(judged_path(part), VERDICTS.frame(list(rows)))


def read_judged(part: Path) -> pl.DataFrame:
    """Read the verdicts on a part; none where it has not been graded."""
    path = judged_path(part)
    return read_part(path, VERDICTS) if path.is_file() else VERDICTS.empty()


def scan_judged(run: Run) -> pl.LazyFrame:
    """Scan the verdicts on all parts that have been graded, lazily."""
    paths = [path for part in run.part_paths(TRACES) if (path := judged_path(part)).is_file()]
    return pl.scan_parquet(paths, schema=VERDICTS.schema) if paths else VERDICTS.empty().lazy()


def judge_by(traces_folder: Path, settings: dict[str, Any]) -> None:
    """Remove verdicts that were given under other settings: by another version of a verifier, say."""
    path, wanted = traces_folder / _FOLDER / _SETTINGS, canonical(settings).decode()
    if not path.is_file() or path.read_text(encoding="utf-8") != wanted:
        forget_judged(traces_folder)
        write_text(path, wanted)


def forget_judged(traces_folder: Path) -> None:
    """Remove all verdicts."""
    shutil.rmtree(traces_folder / _FOLDER, ignore_errors=True)
