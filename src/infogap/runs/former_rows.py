"""Rows that a stage made before, for its next run: reused where all that they depend on is the same.

A stage that makes a row of each trace keeps a key per row, a hash of everything that the row depends on. When the stage
is stale, because traces were added, say, the rows whose keys return are taken from the former table, and only the
others are made. The table is the same as one made from nothing. Keys, and the former table while a new one is written,
are in the folder `cache` of the table, which is no part of the stage's result and can be deleted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import polars as pl

from infogap.atomic_files import whole_file
from infogap.ids import digest, file_digest
from infogap.runs.run_folder import ROWS_PER_PART, Run
from infogap.schema import Table

_FOLDER = "cache"
_KEYS = "keys.parquet"
_RECORD = "infogap"  # in the metadata of the keys: their settings, and the digest of each part of the table
_AT_ONCE = 4  # parts of the former table that a block of rows may lie in; a row of another one is made again
_KEY = np.dtype([("first", "<u8"), ("second", "<u8")])


class FormerRows:
    """The rows of a table as the stage left it, by their keys, and the keys of the table that it writes now."""

    def __init__(self, folder: Path, table: Table, settings: str) -> None:
        self._folder, self._table, self._settings = folder, table, settings
        self._noted: list[np.ndarray] = []
        self._places = np.empty(0, np.int64)
        self._keys = np.empty(0, _KEY)
        self._digests: list[str] = []
        self._read = lru_cache(maxsize=_AT_ONCE)(self._part)
        with suppress(OSError, pl.exceptions.PolarsError, ValueError, KeyError, TypeError):
            self._load()

    @property
    def rows(self) -> int:
        """The number of former rows that could be reused."""
        return len(self._keys)

    def _load(self) -> None:
        """Read the keys of a table that was made under the same settings."""
        path = self._folder / _FOLDER / _KEYS
        record = orjson.loads(pl.read_parquet_metadata(path)[_RECORD])
        if record["settings"] != self._settings:
            return
        kept = pl.read_parquet(path)
        keys = np.empty(kept.height, _KEY)
        for name in ("first", "second"):
            keys[name] = kept[name].to_numpy()
        self._places = np.argsort(keys["first"], kind="stable")
        self._keys = keys[self._places]
        self._digests = list(record["parts"])

    def move_aside(self) -> None:
        """Move the former table to where writing the new one leaves it; after a kill it is there already."""
        aside = self._folder / _FOLDER
        with suppress(OSError):
            for number in range(len(self._digests)):
                part = self._folder / _name(number)
                if not (aside / part.name).is_file() and part.is_file():
                    part.rename(aside / part.name)

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

    def _part(self, number: int) -> pl.DataFrame | None:
        """Read a part of the former table; None unless it is as it was written."""
        path = self._folder / _FOLDER / _name(number)
        try:
            if file_digest(path) != self._digests[number]:
                return None
            return pl.read_parquet(path).match_to_schema(self._table.schema)
        except (OSError, pl.exceptions.PolarsError):
            return None

    def note(self, keys: np.ndarray) -> None:
        """Note the keys of rows in the order in which these are written."""
        self._noted.append(keys)

    def keep(self) -> None:
        """Write the keys of the table that is now complete, and remove the former one."""
        aside = self._folder / _FOLDER
        keys = np.concatenate(self._noted) if self._noted else np.empty(0, _KEY)
        digests = [file_digest(path) for path in sorted(self._folder.glob("part-*.parquet"))]
        record = orjson.dumps({"settings": self._settings, "parts": digests}).decode()
        with whole_file(aside / _KEYS) as temporary:
            frame = pl.DataFrame({name: np.ascontiguousarray(keys[name]) for name in ("first", "second")})
            frame.write_parquet(temporary, compression="zstd", metadata={_RECORD: record})
        for path in aside.glob("part-*.parquet"):
            path.unlink()


@contextmanager
def former_rows(run: Run, table: Table, settings: Any) -> Iterator[FormerRows]:
    """Hold a table's former rows while the table is rewritten inside the block; its keys are kept at the end.

    `settings` (JSON-able) is everything that all rows depend on: under others, no former row is reused.
    """
    former = FormerRows(run.path / table.name, table, digest([settings, list(map(str, table.schema.items()))]))
    former.move_aside()
    yield former
    former.keep()


def row_keys(rows: Iterable[Sequence[object]]) -> np.ndarray:
    """Return a key for each row of JSON-able values: 128 bits of its BLAKE2 hash."""
    hashes = [hashlib.blake2b(orjson.dumps(list(row), default=str), digest_size=16).digest() for row in rows]
    return np.frombuffer(b"".join(hashes), _KEY)


def _name(number: int) -> str:
    return f"part-{number:05d}.parquet"
