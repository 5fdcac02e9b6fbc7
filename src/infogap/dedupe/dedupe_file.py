"""Find duplicates among the rows of a Parquet or JSONL file, outside of a run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from infogap.atomic_files import whole_file
from infogap.dedupe.corpus_batches import Held
from infogap.dedupe.text_duplicates import Removal, removal_table, search
from infogap.errors import InputError, nearest
from infogap.progress import progress
from infogap.recipe.dedupe_section import Dedupe
from infogap.rows.column_paths import MISSING, missing_column, reach, touches
from infogap.text.characters import utf8

ROWS_AT_ONCE = 2_000  # read, compared or written
_SAMPLE = 20  # rows read again for an error message that lists the columns


@dataclass(frozen=True)
class FileDuplicates:
    """A file's rows, those without a text, and the removed ones (row numbers start at 0)."""

    rows: int
    without_text: int
    removed: list[Removal]
    cut: int  # searches abandoned in very large buckets

    def table(self) -> pl.DataFrame:
        """Return the duplicates, sorted by row."""
        return removal_table(self.removed)


def duplicates_in(file: Path, column: str, settings: Dedupe) -> FileDuplicates:
    """Find duplicates among a file's rows by one column, or a path into one; the first is kept, or the longest.

    Raises InputError if the file cannot be read or has no such texts.
    """
    with progress("dedupe", count_rows(file), "rows") as advance:
        searched = search(lambda: texts_of(file, column), settings, advance)
    if searched.rows == searched.without_text:
        check_found(file, column)
    return FileDuplicates(searched.rows, searched.without_text, searched.removals(), searched.cut)


def write_kept(file: Path, removed: NDArray[np.int64], output: Path) -> None:
    """Write the file without the removed rows (ascending numbers), all columns unchanged.

    Raises InputError if the output's suffix differs from the input's, ExternalError if the disk refuses.
    """
    if output.suffix != file.suffix:
        raise InputError(f"{output} must have the suffix of {file.name}: rows are written unchanged")
    if output.resolve() == file.resolve():
        raise InputError(f"{output} is the input; name another file")
    with whole_file(output) as temporary:
        if file.suffix == ".parquet":
            _write_parquet(file, removed, temporary)
        else:
            numbers = set(removed.tolist())
            with file.open("rb") as lines, temporary.open("wb") as out:
                out.writelines(line for number, line in enumerate(json_lines(lines)) if number not in numbers)


def _write_parquet(file: Path, removed: NDArray[np.int64], temporary: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    opened, start = pq.ParquetFile(file), 0
    with pq.ParquetWriter(temporary, opened.schema_arrow, compression="zstd") as writer:
        for batch in opened.iter_batches(ROWS_AT_ONCE):
            low, high = np.searchsorted(removed, [start, start + batch.num_rows])
            kept = np.ones(batch.num_rows, np.bool_)
            kept[removed[low:high] - start] = False
            writer.write_batch(batch.filter(pa.array(kept)))
            start += batch.num_rows


def count_rows(file: Path) -> int:
    """Count a file's rows. Raises InputError if there is no such file, or it is neither Parquet nor JSONL."""
    if not file.is_file():
        raise InputError(f"there is no file {file}")
    if file.suffix == ".parquet":
        return int(_parquet(file).metadata.num_rows)
    if file.suffix != ".jsonl":
        raise InputError(f"{file}: dedupe reads .parquet and .jsonl files")
    with file.open("rb") as lines:
        return sum(1 for _ in json_lines(lines))


def texts_of(file: Path, path: str) -> Iterator[Part | Held]:
    """Yield the texts at a column path, batch by batch; null for rows without one.

    Raises InputError if the Parquet file has no such column, or a value is not text.
    """
    return _of_parquet(file, path) if file.suffix == ".parquet" else _of_lines(file, path)


def json_lines(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Skip blank lines."""
    return (line for line in lines if line.strip())


def check_found(file: Path, path: str) -> None:
    """Raise InputError if the rows of a file without any text have nothing at the column path."""
    if file.suffix == ".parquet":
        rows = pl.read_parquet(file, n_rows=_SAMPLE).to_dicts()
    else:
        with file.open("rb") as lines:
            rows = [_row(file, number, line) for number, line in islice(enumerate(json_lines(lines)), _SAMPLE)]
    if rows and all(reach(row, path) is MISSING for row in rows):
        raise missing_column(str(file), path, rows)


@dataclass(frozen=True)
class Part:
    """Some rows of a Parquet file: the texts of a column, or at a path into it."""

    file: Path
    column: str
    path: str
    start: int
    rows: int

    def texts(self) -> pl.Series:
        column = pl.scan_parquet(self.file).select(self.column).slice(self.start, self.rows).collect().to_series()
        if self.path == self.column:
            return column.cast(pl.String)
        values = (reach({self.column: value}, self.path) for value in column.to_list())
        texts = [_text(self.file, self.start + number, value, self.path) for number, value in enumerate(values)]
        return pl.Series(texts, dtype=pl.String)

    def __reduce__(self) -> tuple[type[Held], tuple[pl.Series]]:
        return Held, (self.texts(),)


def _of_lines(file: Path, path: str) -> Iterator[Held]:
    held: list[str | None] = []
    with file.open("rb") as lines:
        for number, line in enumerate(json_lines(lines)):
            held.append(_text(file, number, reach(_row(file, number, line), path), path))
            if len(held) == ROWS_AT_ONCE:
                yield Held(held)
                held = []
    yield Held(held)


def _row(file: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        row = json.loads(line)  # which accepts half a surrogate pair
    except (ValueError, RecursionError) as error:
        raise InputError(f"{file}, row {number}: not valid JSON: {error}") from None
    if not isinstance(row, dict):
        raise InputError(f"{file}, row {number}: a row is a mapping, found {json.dumps(row)[:40]}")
    return row


def _text(file: Path, number: int, value: Any, path: str) -> str | None:
    if value is None or value is MISSING:
        return None
    if isinstance(value, str):
        return utf8(value)
    kind = json.dumps(value, default=str)[:40]
    inside = f"; its first item is '{path}[0]'" if isinstance(value, list) else ""
    raise InputError(f"{file}, row {number}: '{path}' is not text, found {kind}{inside}")


def _parquet(file: Path) -> Any:
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(file)
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read {file}: {str(error).splitlines()[0]}") from None


def _of_parquet(file: Path, path: str) -> Iterator[Part]:
    import pyarrow as pa

    opened = _parquet(file)
    names = opened.schema_arrow.names
    column = path if path in names else next((name for name in names if touches(path, name)), None)
    if column is None:
        raise InputError(f"{file} has no column '{path}'{nearest(path, names)}; it has {', '.join(names)}")
    kind = opened.schema_arrow.field(column).type
    if path == column and kind not in (pa.string(), pa.large_string(), pa.string_view(), pa.null()):
        raise InputError(
            f"{file}: the column '{column}' is not text but {kind}; a path such as {column}[0].content leads into one"
        )
    start = 0
    for group in range(opened.metadata.num_row_groups):  # a slice within a group would read all of it each time
        rows = opened.metadata.row_group(group).num_rows
        yield Part(file.resolve(), column, path, start, rows)
        start += rows
