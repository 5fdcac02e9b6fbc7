"""Duplicates among the rows of any Parquet or JSONL file, outside of a run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from infogap.atomic import whole_file
from infogap.console import progress
from infogap.dedupe.bands import choose_bands
from infogap.dedupe.candidates import candidates
from infogap.dedupe.corpus import Corpus
from infogap.dedupe.keep import Removal, Rows, removals
from infogap.dedupe.pairs import similar
from infogap.errors import UserError
from infogap.recipe.dedupe import Dedupe
from infogap.recipe.spelling import nearest
from infogap.text import utf8

ROWS_AT_ONCE = 2_000


@dataclass(frozen=True)
class FileDuplicates:
    """How many rows a file has, how many of them no text, and which go for which (numbers of rows, from 0)."""

    rows: int
    without_text: int
    removed: list[Removal]
    cut: int  # searches that were given up in very large buckets

    def table(self) -> pl.DataFrame:
        """The duplicates, by row."""
        schema = {"row": pl.Int64, "duplicate_of": pl.Int64, "jaccard": pl.Float64, "how": pl.String}
        return pl.DataFrame([vars(removal) for removal in self.removed], schema=schema).sort("row")


def duplicates_in(file: Path, column: str, settings: Dedupe) -> FileDuplicates:
    """Compare all rows of a file by one column; the first of two duplicates stays, or the longest.

    Raises UserError where the file cannot be read or has no such column of text.
    """
    total = _count(file)
    with progress("dedupe", total, "rows") as advance:
        corpus = Corpus.read(lambda: _texts(file, column), settings.ngram, settings.num_perm, advance)
    rows = _in_order(corpus, settings)
    items, _ = rows.items()
    bands = choose_bands(settings.threshold, settings.num_perm)
    near = candidates(items, corpus.signatures, bands, settings.threshold)
    pairs = similar(near, items, corpus, verify=settings.verify)
    removed = list(removals(rows, pairs.reaching(settings.threshold, bands, settings.num_perm)))
    return FileDuplicates(len(corpus.text_of_row), int(np.count_nonzero(corpus.text_of_row < 0)), removed, near.cut)


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
                out.writelines(line for number, line in enumerate(_rows(lines)) if number not in gone)


def _in_order(corpus: Corpus, settings: Dedupe) -> Rows:
    given = np.flatnonzero(corpus.text_of_row >= 0)
    if settings.keep == "longest":
        given = given[np.argsort(-corpus.sizes[corpus.text_of_row[given]], kind="stable")]
    none = np.zeros(len(given), np.int64)
    return Rows(given, none, corpus.text_of_row[given], given, none)


def _count(file: Path) -> int:
    if not file.is_file():
        raise UserError(f"there is no file {file}")
    if file.suffix == ".parquet":
        return int(_parquet(file).metadata.num_rows)
    if file.suffix != ".jsonl":
        raise UserError(f"{file}: dedupe reads .parquet and .jsonl files")
    with file.open("rb") as lines:
        return sum(1 for _ in _rows(lines))


@dataclass(frozen=True)
class _Texts:
    """Texts that are in memory already: lines must be read one after the other."""

    held: list[str | None]

    @property
    def rows(self) -> int:
        return len(self.held)

    def texts(self) -> pl.Series:
        return pl.Series(self.held, dtype=pl.String)


@dataclass(frozen=True)
class _Slice:
    """Some rows of a Parquet file."""

    file: Path
    column: str
    start: int
    rows: int

    def texts(self) -> pl.Series:
        texts = pl.scan_parquet(self.file).select(pl.col(self.column).cast(pl.String))
        return texts.slice(self.start, self.rows).collect().to_series()


def _texts(file: Path, column: str) -> Iterator[_Slice | _Texts]:
    if file.suffix == ".parquet":
        yield from _of_parquet(file, column)
        return
    held: list[str | None] = []
    with file.open("rb") as lines:
        for number, line in enumerate(_rows(lines)):
            held.append(_of_line(file, number, line, column))
            if len(held) == ROWS_AT_ONCE:
                yield _Texts(held)
                held = []
    yield _Texts(held)


def _rows(lines: Any) -> Iterator[bytes]:
    """The lines that hold something."""
    return (line for line in lines if line.strip())


def _of_line(file: Path, number: int, line: bytes, column: str) -> str | None:
    try:
        row = json.loads(line)  # also such as holds half a surrogate pair
    except ValueError as error:
        raise UserError(f"{file}, row {number}: not valid JSON: {error}") from None
    if not isinstance(row, dict) or column not in row:
        names = list(row) if isinstance(row, dict) else []
        there = f"there is no '{column}'{nearest(column, names)}; it has {', '.join(names)}"
        raise UserError(f"{file}, row {number}: {there}")
    text = row[column]
    if text is not None and not isinstance(text, str):
        raise UserError(f"{file}, row {number}: '{column}' is no text")
    return None if text is None else utf8(text)


def _parquet(file: Path) -> Any:
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(file)
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read {file}: {str(error).splitlines()[0]}") from None


def _of_parquet(file: Path, column: str) -> Iterator[_Slice]:
    import pyarrow as pa

    opened = _parquet(file)
    names = opened.schema_arrow.names
    if column not in names:
        raise UserError(f"{file} has no column '{column}'{nearest(column, names)}; it has {', '.join(names)}")
    kind = opened.schema_arrow.field(column).type
    if kind not in (pa.string(), pa.large_string(), pa.string_view(), pa.null()):
        raise UserError(f"{file}: the column '{column}' is no text but {kind}")
    start = 0
    for group in range(opened.metadata.num_row_groups):  # a slice within a group would read all of it each time
        rows = opened.metadata.row_group(group).num_rows
        yield _Slice(file.resolve(), column, start, rows)
        start += rows


def _write_parquet(file: Path, removed: NDArray[np.int64], temporary: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    opened, start = _parquet(file), 0
    with pq.ParquetWriter(temporary, opened.schema_arrow, compression="zstd") as writer:
        for batch in opened.iter_batches(ROWS_AT_ONCE):
            low, high = np.searchsorted(removed, [start, start + batch.num_rows])
            stays = np.ones(batch.num_rows, np.bool_)
            stays[removed[low:high] - start] = False
            writer.write_batch(batch.filter(pa.array(stays)))
            start += batch.num_rows
