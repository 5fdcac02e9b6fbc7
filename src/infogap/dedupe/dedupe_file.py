"""Duplicates among the rows of any Parquet or JSONL file, outside of a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from infogap.atomic_files import whole_file
from infogap.console import progress
from infogap.dedupe.file_texts import ROWS_AT_ONCE, check_found, count_rows, json_lines, texts_of
from infogap.dedupe.keep_rule import Removal
from infogap.dedupe.text_duplicates import removal_table, search
from infogap.errors import UserError
from infogap.recipe.dedupe_section import Dedupe


@dataclass(frozen=True)
class FileDuplicates:
    """How many rows a file has, how many of them no text, and which go for which (numbers of rows, from 0)."""

    rows: int
    without_text: int
    removed: list[Removal]
    cut: int  # searches that were given up in very large buckets

    def table(self) -> pl.DataFrame:
        """The duplicates, by row."""
        return removal_table(self.removed)


def duplicates_in(file: Path, column: str, settings: Dedupe) -> FileDuplicates:
    """Compare all rows of a file by one column, or a path into one; the first of two duplicates stays, or the longest.

    Raises UserError where the file cannot be read or has no such texts.
    """
    with progress("dedupe", count_rows(file), "rows") as advance:
        searched = search(lambda: texts_of(file, column), settings, advance)
    if searched.rows == searched.without_text:
        check_found(file, column)
    return FileDuplicates(searched.rows, searched.without_text, searched.removals(), searched.cut)


def write_kept(file: Path, removed: NDArray[np.int64], output: Path) -> None:
    """Write the file without the rows that go (ascending numbers), all columns as they are.

    Raises UserError where the output's ending is another than the input's, WorldError where the disk refuses.
    """
    if output.suffix != file.suffix:
        raise UserError(f"{output} must end like {file.name}: rows are written as they are")
    if output.resolve() == file.resolve():
        raise UserError(f"{output} is the input; name another file")
    with whole_file(output) as temporary:
        if file.suffix == ".parquet":
            _write_parquet(file, removed, temporary)
        else:
            gone = set(removed.tolist())
            with file.open("rb") as lines, temporary.open("wb") as out:
                out.writelines(line for number, line in enumerate(json_lines(lines)) if number not in gone)


def _write_parquet(file: Path, removed: NDArray[np.int64], temporary: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    opened, start = pq.ParquetFile(file), 0
    with pq.ParquetWriter(temporary, opened.schema_arrow, compression="zstd") as writer:
        for batch in opened.iter_batches(ROWS_AT_ONCE):
            low, high = np.searchsorted(removed, [start, start + batch.num_rows])
            stays = np.ones(batch.num_rows, np.bool_)
            stays[removed[low:high] - start] = False
            writer.write_batch(batch.filter(pa.array(stays)))
            start += batch.num_rows
