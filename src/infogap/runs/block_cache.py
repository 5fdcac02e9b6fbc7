"""Keep what was computed from blocks of input, a file per block, for a stage's next run.

A stage that reads its input block by block, and computes each block's result from the block alone, asks here first. The
files are no part of the stage's result: they lie in a folder `cache`, and can be deleted.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from infogap import __version__
from infogap.atomic_files import write_text
from infogap.console import say
from infogap.errors import ExternalError
from infogap.ids import digest, file_digest
from infogap.runs.run_folder import write_part

WORTH_KEEPING = 200  # rows; fewer are computed as fast as a file is written
_INDEX = "index.json"


class BlockCache:
    """Tables by the digest of the block that each was computed from, with a few facts beside them."""

    def __init__(self, folder: Path, settings: str) -> None:
        self._folder, self._settings = folder, settings
        self._former = _read_index(folder / _INDEX, settings)
        self._now: dict[str, dict[str, Any]] = {}
        self._damaged = 0

    def get(self, block: str) -> tuple[pl.DataFrame, dict[str, Any]] | None:
        """Return a block's table and facts; None if there are none, or the file is not as it was written."""
        entry = self._now.get(block) or self._former.get(block)
        if entry is None:
            return None
        path = self._folder / f"{block}.parquet"
        try:
            if file_digest(path) == entry["sha256"]:
                table = pl.read_parquet(path)
                self._now[block] = entry
                return table, entry["facts"]
        except (OSError, pl.exceptions.PolarsError):
            pass
        self._former.pop(block, None)
        self._damaged += 1
        return None

    def put(self, block: str, table: pl.DataFrame, facts: dict[str, Any] | None = None) -> None:
        """Keep a block's table and facts (JSON-able), unless it is small. A disk that refuses keeps nothing."""
        if table.height < WORTH_KEEPING:
            return
        path = self._folder / f"{block}.parquet"
        with suppress(ExternalError):
            write_part(path, table)
            self._now[block] = {"sha256": file_digest(path), "facts": facts or {}}

    @property
    def used(self) -> bool:
        """True if it holds anything of the stage's run."""
        return bool(self._now)

    def close(self) -> None:
        """Write down which blocks there are now, and remove the files of all others."""
        if self._damaged:
            files = "1 file was" if self._damaged == 1 else f"{self._damaged:,} files were"
            say(f"{self._folder}: {files} damaged; what was kept there has been computed again", style="dim")
        if not self._now and not self._folder.is_dir():
            return
        with suppress(ExternalError):
            index: dict[str, Any] = {"settings": self._settings, "blocks": self._now}
            index["digest"] = digest([self._settings, self._now])
            write_text(self._folder / _INDEX, orjson.dumps(index).decode() + "\n")
        for path in self._folder.glob("*.parquet"):
            if path.stem not in self._now:
                path.unlink(missing_ok=True)


@contextmanager
def block_cache(folder: Path, settings: Any) -> Iterator[BlockCache]:
    """Open a cache for a stage's run; it is brought up to date at the end, unless the stage fails.

    `settings` (JSON-able) is everything that all results depend on: under others, and by another version of infogap or
    polars, nothing is reused.
    """
    cache = BlockCache(folder, digest([settings, __version__, pl.__version__]))
    yield cache
    cache.close()


def _read_index(path: Path, settings: str) -> dict[str, dict[str, Any]]:
    try:
        index = orjson.loads(path.read_bytes())
        if index["digest"] == digest([index["settings"], index["blocks"]]):
            blocks: dict[str, dict[str, Any]] = index["blocks"]
            return blocks if index["settings"] == settings else {}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError):
        pass
    say(f"{path} was damaged: what lies beside it is computed again", style="dim")
    return {}
