"""Read the rows of a source, one file, several or a dataset; and digest its bytes."""

from __future__ import annotations

from glob import has_magic
from pathlib import Path

from infogap.ids import digest, file_digest
from infogap.recipe.sources import RowSource, Source
from infogap.rows import hub_datasets as hub
from infogap.rows import row_files as files
from infogap.rows.file_locations import find_places, is_url, local_folder, matching, resolved, short_path
from infogap.rows.row_files import Rows, Wanted
from infogap.runs.run_folder import Run


def read_rows(base: Path, source: RowSource, wanted: Wanted | None) -> Rows:
    """Yield the source's rows, numbered from 1 through all its files; other columns than `wanted` may be left out.

    `base` is the recipe's folder; `wanted=None` reads all columns. Raises InputError where there is no such source or
    it is not readable, ExternalError where it cannot be fetched.
    """
    places = find_places(base, source)
    if places is None:
        folder = local_folder(base, source)
        where = source.from_ if folder is None else str(folder)
        yield from hub.read_rows(where, source.from_, source.config, source.split, source.revision, wanted)
        return
    before = 0
    for place in places:
        number = 0
        for number, row in files.read_rows(place, wanted, source.rows):
            yield before + number, row
        before += number


def contents(run: Run, source: Source) -> dict[str, str | None]:
    """Return digests of a source's bytes, and of the file that it is joined with."""
    joined = {} if source.join is None else {"joined_sha256": content(run, source.join)}
    return {"sha256": content(run, source)} | joined


def content(run: Run, source: RowSource) -> str | None:
    """Return a digest of the source's bytes; None where they are not on this machine, or missing."""
    digests = [_digest(run.base, entry) for entry in source.files]
    return digests[0] if len(digests) == 1 else digest(digests)


def _digest(base: Path, entry: str) -> str | None:
    if is_url(entry):
        return None
    path = resolved(base, entry)
    if path.is_file():
        return file_digest(path)
    if path.is_dir():
        return _digest_of(path, [one for one in path.rglob("*") if one.is_file()])
    paths = matching(base, entry) if has_magic(entry) else []
    return _digest_of(base, paths) if paths else None


def _digest_of(folder: Path, inside: list[Path]) -> str:
    return digest([[short_path(path, folder), file_digest(path)] for path in sorted(inside)])
