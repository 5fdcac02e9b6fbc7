"""Rows that a stage made before, for its next run: reused where all that they depend on is the same.

A stage that makes a row of each trace keeps a key per row, a hash of everything that the row depends on. When the stage
is stale, because traces were added, say, the rows whose keys return are taken from the former table, and only the
others are made. A whole part is reused without a look at its rows where the part of the traces that it was made from,
and all that its traces refer to, has the digest that it had. The table is the same as one made from nothing. Keys, and
the former table while a new one is written, are in the folder `cache` of the table, which is no part of the stage's
result and can be deleted.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import polars as pl

from infogap.atomic_files import whole_file
from infogap.ids import digest
from infogap.runs.former_parts import FormerParts, part_digests
from infogap.runs.run_folder import ROWS_PER_PART, Run, TableWriter
from infogap.schema import Table

_FOLDER = "cache"
_KEYS = "keys.parquet"
_RECORD = "infogap"  # in the metadata of the keys: their settings, and the digest of each part of the table
_AT_ONCE = 4  # parts of the former table that a block of rows may lie in; a row of another one is made again
_KEY = np.dtype([("first", "<u8"), ("second", "<u8")])


class FormerRows:
    """The rows of a table as the stage left it, by their keys, and the keys of the table that it writes now."""

    def __init__(self, folder: Path, table: Table, settings: str, facts: dict[str, Any]) -> None:
        self._folder, self._table, self._settings, self._facts = folder, table, settings, facts
        self.facts: dict[str, Any] = {}  # of the former table
        self._noted: list[np.ndarray] = []
        self._made_of: list[str | None] = []
        self._ordered = np.empty(0, _KEY)
        self._whole: dict[str, int] = {}
        digests: list[str] = []
        with suppress(OSError, pl.exceptions.PolarsError, ValueError, KeyError, TypeError):
            digests = self._load()
        self._places = np.argsort(self._ordered["first"], kind="stable")
        self._keys = self._ordered[self._places]
        self.parts = FormerParts(folder, folder / _FOLDER, digests)
        self._read = lru_cache(maxsize=_AT_ONCE)(lambda number: self.parts.read(number, table))

    @property
    def rows(self) -> int:
        """The number of former rows that could be reused."""
        return len(self._keys)

    def _load(self) -> list[str]:
        """Read the keys of a table that was made under the same settings; return the digests of its parts."""
        path = self._folder / _FOLDER / _KEYS
        record = orjson.loads(pl.read_parquet_metadata(path)[_RECORD])
        if record["settings"] != self._settings:
            return []
        kept = pl.read_parquet(path)
        keys = np.empty(kept.height, _KEY)
        for name in ("first", "second"):
            keys[name] = kept[name].to_numpy()
        made_of = record["made_of"]
        self._whole = {source: number for number, source in enumerate(made_of) if source is not None}
        self._ordered, self.facts = keys, record["facts"]
        return list(record["parts"])

    def whole_part(self, source: str) -> int | None:
        """Return the number of a sound former part that was made of one part of the traces, with this digest."""
        number = self._whole.get(source)
        return number if number is not None and self.parts.is_sound(number) else None

    def reuse(self, number: int, source: str, out: TableWriter) -> None:
        """Move a former part, from `whole_part`, into the table that is written now."""
        self.parts.give(number, out)
        start = number * ROWS_PER_PART
        self.note(self._ordered[start : start + ROWS_PER_PART], source)

    def find(self, keys: np.ndarray) -> tuple[np.ndarray, pl.DataFrame]:
        """Return which of some keys have a former row, as booleans, and these rows in the order of the keys."""
        found = np.zeros(len(keys), bool)
        if not self.rows or not len(keys):
            return found, self._table.empty()
        at = np.minimum(np.searchsorted(self._keys["first"], keys["first"]), self.rows - 1)
        found = self._keys[at] == keys
        places = self._places[at]
        parts = places // ROWS_PER_PART
        numbers, counts = np.unique(parts[found], return_counts=True)
        frames: dict[int, pl.DataFrame] = {}
        for number in numbers[np.argsort(-counts, kind="stable")][:_AT_ONCE].tolist():
            frame = self._read(number)
            if frame is not None:
                frames[number] = frame
        found &= np.isin(parts, list(frames))
        if not found.any():
            return found, self._table.empty()
        starts, height = {}, 0
        for number, frame in frames.items():
            starts[number], height = height, height + frame.height
        wanted = [starts[int(place) // ROWS_PER_PART] + int(place) % ROWS_PER_PART for place in places[found]]
        return found, pl.concat(list(frames.values()))[wanted]

    def note(self, keys: np.ndarray, source: str | None = None) -> None:
        """Note the keys of rows in the order in which these are written.

        `source` is the digest of what they were made of, if that is one part of the traces and they are a whole part.
        """
        before = sum(map(len, self._noted))
        self._noted.append(keys)
        if source is not None and before % ROWS_PER_PART == 0 and len(keys) == ROWS_PER_PART:
            self._made_of += [None] * (before // ROWS_PER_PART - len(self._made_of)) + [source]

    def keep(self) -> None:
        """Write the keys of the table that is now complete, and remove the former one."""
        keys = np.concatenate(self._noted) if self._noted else np.empty(0, _KEY)
        digests = part_digests(self._folder)
        record = {"settings": self._settings, "facts": self._facts, "parts": digests, "made_of": self._made_of}
        with whole_file(self._folder / _FOLDER / _KEYS) as temporary:
            frame = pl.DataFrame({name: np.ascontiguousarray(keys[name]) for name in ("first", "second")})
            metadata = {_RECORD: orjson.dumps(record).decode()}
            frame.write_parquet(temporary, compression="zstd", metadata=metadata)
        self.parts.remove()


@contextmanager
def former_rows(run: Run, table: Table, settings: Any, facts: dict[str, Any] | None = None) -> Iterator[FormerRows]:
    """Hold a table's former rows while the table is rewritten inside the block; its keys are kept at the end.

    `settings` (JSON-able) is everything that all rows depend on: under others, no former row is reused. Under other
    `facts` rows and parts are found, and the stage has to see what of them it can reuse.
    """
    schema = list(map(str, table.schema.items()))
    former = FormerRows(run.path / table.name, table, digest([settings, schema]), facts or {})
    former.parts.move_aside()
    yield former
    former.keep()


def row_keys(rows: Iterable[Sequence[object]]) -> np.ndarray:
    """Return a key for each row of JSON-able values: 128 bits of its BLAKE2 hash."""
    hashes = [hashlib.blake2b(orjson.dumps(list(row), default=str), digest_size=16).digest() for row in rows]
    return np.frombuffer(b"".join(hashes), _KEY)


def frame_digest(*frames: pl.DataFrame) -> str:
    """Return a digest of some frames' rows, each in its order."""
    hashed = hashlib.blake2b(digest_size=20)
    for frame in frames:
        out = io.BytesIO()
        frame.rechunk().write_ipc(out, compat_level=pl.CompatLevel.oldest())
        hashed.update(out.getbuffer())
    return hashed.hexdigest()
