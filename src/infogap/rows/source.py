"""What a source's `from` means: a file here, a folder here, or a dataset of the Hub."""

from __future__ import annotations

import re
from pathlib import Path

from infogap.errors import UserError
from infogap.ids import digest, file_digest
from infogap.recipe.sources import RowSource, Source
from infogap.recipe.spelling import nearest
from infogap.rows import files, hub
from infogap.rows.files import Rows
from infogap.run import Run

_DATASET_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?")


def read_rows(run: Run, source: RowSource, paths: list[str]) -> Rows:
    """The source's rows, numbered from 1; columns that no path leads into may be left out.

    Raises UserError where there is no such source or it is not readable, WorldError where it cannot
    be fetched.
    """
    path = local(run, source)
    if path is not None and path.is_file():
        return files.read_rows(path, source.from_, paths)
    where = str(path) if path is not None else source.from_
    return hub.read_rows(where, source.from_, source.config, source.split, source.revision, paths)


def local(run: Run, source: RowSource) -> Path | None:
    """The file or folder that the source names; None for a dataset of the Hub.

    Raises UserError where it names a file that is not there or is of an unknown kind.
    """
    path = run.resolve(source.from_)
    known = path.suffix.lower() in files.SUFFIXES
    if path.is_file() and not known:
        raise UserError(
            f"{source.from_}: unknown file type '{path.suffix}'{nearest(path.suffix, files.SUFFIXES)}; "
            f"known: {', '.join(files.SUFFIXES)}"
        )
    if path.exists():
        return path
    if known or not _DATASET_NAME.fullmatch(source.from_):
        raise UserError(f"there is no file {path}{_nearest_file(path)}")
    return None


def _nearest_file(path: Path) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f": there is no folder {folder}"
    return nearest(path.name, sorted(entry.name for entry in folder.iterdir()))


def content(run: Run, source: RowSource) -> str | None:
    """A digest of the source's bytes; None where it is a dataset of the Hub or is not there."""
    path = run.resolve(source.from_)
    if path.is_file():
        return file_digest(path)
    if path.is_dir():
        inside = sorted(entry for entry in path.rglob("*") if entry.is_file())
        return digest([[str(entry.relative_to(path)), file_digest(entry)] for entry in inside])
    return None


def default_family(source: Source) -> str:
    """The family of rows that nothing gives one: the file's stem or the dataset's name."""
    name = Path(source.from_).name or source.from_
    return Path(name).stem if Path(name).suffix.lower() in files.SUFFIXES else name
