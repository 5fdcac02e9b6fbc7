"""Join rows with those of a second file that have the same key."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infogap.errors import InputError
from infogap.recipe.sources import Join, Source
from infogap.rows.column_paths import MISSING, Unfound, as_text, missing_column, reach
from infogap.rows.row_files import Rows
from infogap.rows.source_rows import read_rows

JOINED = "joined"
"""The joined row's name in paths, for columns that both files have: `joined.id`."""

_SAMPLE = 20  # rows of the second file kept to say what there is, where a key is not


@dataclass
class JoinedRows:
    """The rows of a source that has a `join`, with the columns of the second file.

    Columns of the row itself take precedence over those of the joined row. `unmatched` are the rows without a partner,
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
        asked: set[str] = set()
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
                asked.add(text)
                yield number, {**others[text], JOINED: others[text], **row}
        if unfound is not None and unfound.place is not MISSING:
            raise unfound.error(self.source.from_)
        self.left_over = len(others) - len(asked)


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
                f"{join.from_}, row {number}: a second row with {join.other_key} {key!r}, and another content; "
                "a key to join by stands once"
            )
    if sample and not by_key:
        raise missing_column(join.from_, join.other_key, sample)
    return by_key


def unmatched_reason(join: Join) -> str:
    """Say why a row without a partner is left out."""
    return f"no row of {join.from_} has its {join.key}"
