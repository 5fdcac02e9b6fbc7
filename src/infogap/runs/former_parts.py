"""The parts of a table as its stage left them: set aside while the stage writes the table anew, and reused if sound."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import polars as pl

from infogap.console import say
from infogap.ids import file_digest
from infogap.runs.run_folder import TableWriter
from infogap.schema import Table


class FormerParts:
    """Parts of a table in a folder of its cache, with the digest that each had when its stage ended."""

    def __init__(self, folder: Path, aside: Path, digests: list[str]) -> None:
        self._folder, self._aside, self._digests = folder, aside, digests
        self._sound: dict[int, bool] = {}

    def __len__(self) -> int:
        return len(self._digests)

    def move_aside(self) -> None:
        """Move the parts to where writing the table leaves them; after a kill they are there already."""
        if not self._digests:
            return
        with suppress(OSError):
            self._aside.mkdir(parents=True, exist_ok=True)
            for number in range(len(self)):
                part, aside = self._folder / _name(number), self._path(number)
                if not aside.is_file() and part.is_file():
                    part.rename(aside)

    def is_sound(self, number: int) -> bool:
        """Return True if a part is as it was written; otherwise that is said once."""
        if number not in self._sound:
            with suppress(OSError):
                self._sound[number] = file_digest(self._path(number)) == self._digests[number]
            if not self._sound.setdefault(number, False):
                say(
                    f"{self._folder / _name(number)} is missing, damaged or changed: its rows are made again",
                    style="dim",
                )
        return self._sound[number]

    def read(self, number: int, table: Table, columns: list[str] | None = None) -> pl.DataFrame | None:
        """Read a part, or some of its columns; None unless it is sound."""
        if not self.is_sound(number):
            return None
        try:
            part = pl.read_parquet(self._path(number), columns=columns)
            if columns is not None:
                return part
            return part.match_to_schema(table.schema, extra_columns="ignore" if table.extensible else "raise")
        except (OSError, pl.exceptions.PolarsError):  # of an earlier version, with other columns
            self._sound[number] = False
            return None

    def give(self, number: int, out: TableWriter) -> None:
        """Move a sound part, which is whole, into the table that is written now; it cannot be read here any more."""
        out.take(self._path(number))
        self._sound[number] = False

    def remove(self) -> None:
        """Remove what is left of the parts."""
        for path in self._aside.glob("part-*.parquet"):
            path.unlink()

    def _path(self, number: int) -> Path:
        return self._aside / _name(number)


def part_digests(folder: Path) -> list[str]:
    """Return the digest of each part of a table, in order."""
    return [file_digest(path) for path in sorted(folder.glob("part-*.parquet"))]


def _name(number: int) -> str:
    return f"part-{number:05d}.parquet"
