"""A person's tags and notes on traces: a table of the run that no stage makes, rewrites or removes."""

from __future__ import annotations

from pathlib import Path

import polars as pl
from filelock import FileLock, Timeout

from infogap.atomic_files import disk_error
from infogap.errors import ExternalError, InputError
from infogap.runs.run_folder import Run, write_part
from infogap.schema import ANNOTATIONS

LONGEST_TAG, LONGEST_NOTE = 40, 4_000
_PART = "part-00000.parquet"
_WAIT = 10.0  # seconds for another process that writes an annotation


def read_annotations(run: Run) -> pl.DataFrame:
    """Return a run's annotations, by trace_id: those of traces that are gone as well."""
    return run.scan(ANNOTATIONS).sort("trace_id").collect()


def annotate(run: Run, trace_id: str, tag: str, note: str) -> pl.DataFrame:
    """Set the tag and the note of a trace, and return all annotations; both empty remove it.

    The table is read again before it is written, so that several browsers of one run lose nothing of each other's.

    Raises InputError if the text is too long, ExternalError if the disk refuses or another process holds the table.
    """
    tag, note = " ".join(tag.split()), note.strip()
    if len(tag) > LONGEST_TAG or len(note) > LONGEST_NOTE:
        raise InputError(
            f"a tag has at most {LONGEST_TAG} characters, and a note {LONGEST_NOTE:,}; "
            f"these have {len(tag):,} and {len(note):,}"
        )
    folder: Path = run.path / ANNOTATIONS.name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock", timeout=_WAIT):
            others = read_annotations(run).filter(pl.col("trace_id") != trace_id)
            own = ANNOTATIONS.frame([{"trace_id": trace_id, "tag": tag, "note": note}] if tag or note else [])
            annotations = pl.concat([others, own]).sort("trace_id")
            write_part(folder / _PART, annotations)
    except Timeout:
        raise ExternalError(f"{folder} is being written by another process; try again") from None
    except OSError as error:
        if isinstance(error, ExternalError):
            raise
        raise disk_error(folder, error) from error
    return annotations
