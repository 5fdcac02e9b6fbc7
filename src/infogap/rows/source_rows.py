"""Read the rows of a source, joined by a key with those of a second file if the recipe says so."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infogap.errors import InputError
from infogap.recipe.sources import Join, RowSource, Source
from infogap.rows import hub_datasets as hub
from infogap.rows import row_files as files
from infogap.rows.column_paths import MISSING, Unfound, as_text, missing_column, reach
from infogap.rows.file_locations import find_places, local_folder
from infogap.rows.row_files import Rows, Wanted

JOINED = "joined"
"""The joined row's name in paths, for columns that both files have: `joined.id`."""

_SAMPLE = 20  # rows of the second file that an error about a missing key describes


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


@dataclass
class JoinedRows:
    """The rows of a source that has a `join`, with the columns of the second file.

    Columns of the row itself take precedence over those of the joined row. `unmatched` are the rows without a match,
    which are yielded as they are; `left_over` counts the rows of the second file without one.
    """

    base: Path
    source: Source
    unmatched: set[int] = field(default_factory=set)  # rows, by number
    left_over: int = 0

    def read(self) -> Rows:
        """Yield the rows. Raises InputError where the key is missing, or occurs twice in the second file."""
        join = self.source.join
        assert join is not None
        others = _by_key(self.base, join)
        joined: set[str] = set()
        unfound: Unfound | None = Unfound(join.key)
        for number, row in read_rows(self.base, self.source, None):
            key = reach(row, join.key)
            if unfound is not None and key is MISSING:
                unfound.look(row)
            elif unfound is not None:
                unfound = None
            text = as_text(key)
            if text is None or text not in others:
                self.unmatched.add(number)
                yield number, row
            else:
                joined.add(text)
                yield number, {**others[text], JOINED: others[text], **row}
        if unfound is not None and unfound.place is not MISSING:
            raise unfound.error(self.source.from_)
        self.left_over = len(others) - len(joined)


def _by_key(base: Path, join: Join) -> dict[str, dict[str, Any]]:
    by_key: dict[str, dict[str, Any]] = {}
    sample: list[dict[str, Any]] = []
    for number, row in read_rows(base, join, None):
        key = as_text(reach(row, join.other_key))
        if key is None:
            if len(sample) < _SAMPLE:
                sample.append(row)
        elif by_key.setdefault(key, row) != row:
            raise InputError(
                f"{join.from_}, row {number}: a second row with {join.other_key} {key!r} but different content; "
                "a key to join by must be unique"
            )
    if sample and not by_key:
        raise missing_column(join.from_, join.other_key, sample)
    return by_key


def unmatched_reason(join: Join) -> str:
    """Say why a row without a match in the second file is left out."""
    return f"no row of {join.from_} has its {join.key}"
