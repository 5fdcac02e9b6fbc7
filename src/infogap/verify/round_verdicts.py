"""The verdicts that rounds depend on: kept beside the traces, part by part, and reused by the verify stage.

A round can show attempts of earlier rounds, or stop sampling where enough traces are correct: its requests follow from
verdicts. `traces/judged/` holds them, a file for each part of the traces, and the settings that they were given under.
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


def round_verdicts_path(part: Path) -> Path:
    """Return the file that holds the verdicts on a part's traces."""
    return part.parent / _FOLDER / part.name


def is_graded(part: Path) -> bool:
    """Return True if a part has verdicts. A damaged file is removed: the traces can be graded again."""
    path = round_verdicts_path(part)
    try:
        if path.is_file():
            check_part(path)
            return True
    except ExternalError:
        path.unlink()
    return False


def write_round_verdicts(part: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Store the verdicts on a part (rows of the verdicts table)."""
    write_part(round_verdicts_path(part), VERDICTS.frame(list(rows)))


def read_round_verdicts(part: Path) -> pl.DataFrame:
    """Read the verdicts on a part; none where it has not been graded."""
    path = round_verdicts_path(part)
    return read_part(path, VERDICTS) if path.is_file() else VERDICTS.empty()


def scan_round_verdicts(run: Run) -> pl.LazyFrame:
    """Scan the verdicts on all parts that have been graded, lazily."""
    paths = [path for part in run.part_paths(TRACES) if (path := round_verdicts_path(part)).is_file()]
    return pl.scan_parquet(paths, schema=VERDICTS.schema) if paths else VERDICTS.empty().lazy()


def drop_outdated_round_verdicts(traces_folder: Path, settings: dict[str, Any]) -> None:
    """Remove verdicts given under settings other than these, such as another version of a verifier."""
    path, wanted = traces_folder / _FOLDER / _SETTINGS, canonical(settings).decode()
    if not path.is_file() or path.read_text(encoding="utf-8") != wanted:
        drop_round_verdicts(traces_folder)
        write_text(path, wanted)


def drop_round_verdicts(traces_folder: Path) -> None:
    """Remove the verdicts of all rounds."""
    shutil.rmtree(traces_folder / _FOLDER, ignore_errors=True)
