"""Look up contexts by id, in a time that does not grow with the size of their table.

A part of the traces needs a few of the contexts. Scanning the whole table for each part takes quadratic time.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import BinaryIO

import polars as pl

from infogap.runs.rows_by_key import rows_of
from infogap.runs.run_folder import Run
from infogap.schema import CONTEXTS


@dataclass(frozen=True)
class ContextTexts:
    """The contexts of a run: their texts in a file, in memory where each begins, sorted by `context_id`."""

    file: BinaryIO
    places: pl.DataFrame  # `context_id`, `start`, `size` in bytes

    @classmethod
    @contextmanager
    def of(cls, run: Run) -> Iterator[ContextTexts]:
        """Copy the texts of a run's contexts to a temporary file, and delete it at the end."""
        with TemporaryFile(dir=run.path) as file:
            places = [pl.DataFrame(schema={"context_id": pl.String, "start": pl.Int64, "size": pl.Int64})]
            before = 0
            for part in run.parts(CONTEXTS):
                size = part["text"].str.len_bytes().cast(pl.Int64)
                places.append(part.select("context_id", start=before + size.cum_sum() - size, size=size))
                file.writelines(text.encode() for text in part["text"])
                before += int(size.sum())
            file.flush()
            yield cls(file, pl.concat(places).sort("context_id"))

    def read(self, context_ids: pl.Series) -> pl.DataFrame:
        """Return `context_id` and `context` of those that there are."""
        found = rows_of(self.places, "context_id", context_ids).sort("start")
        texts = []
        for start, size in found.select("start", "size").iter_rows():
            self.file.seek(start)
            texts.append(self.file.read(size).decode())
        return found.select("context_id", context=pl.Series(texts, dtype=pl.String))
