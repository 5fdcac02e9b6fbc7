"""Read a source's rows in blocks, each with a digest of its content: rows that a stage has read before need no reading.

Parquet and JSON lines on this machine have digests; all other rows come in blocks without one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from infogap.recipe.sources import RowSource
from infogap.rows import row_files as files
from infogap.rows.arrow_rows import rows_of
from infogap.rows.file_locations import Place, find_places
from infogap.rows.row_files import Rows, Wanted
from infogap.rows.source_rows import read_rows

if TYPE_CHECKING:
    import pyarrow as pa

ROWS_PER_BLOCK = 2_000
_DIGESTIBLE = (".parquet", ".jsonl")
_ROWS_AT_ONCE = 256  # of Parquet, as Python's objects; a row can be a long trace


@dataclass(frozen=True)
class RowBlock:
    """Consecutive rows. Equal digests mean equal rows, counted from `first`; without one, `last` is not known yet."""

    first: int  # the number of the first row; rows are numbered through all files of the source
    last: int | None
    digest: str | None
    rows: Callable[[], Rows]


def read_blocks(base: Path, source: RowSource, wanted: Wanted | None) -> Iterator[RowBlock]:
    """Yield the rows that `read_rows` yields, in blocks. The rows of a block without a digest must be read to the end.

    Raises InputError and ExternalError as `read_rows`.
    """
    places = find_places(base, source)
    if places is None:
        yield RowBlock(1, None, None, lambda: read_rows(base, source, wanted))
        return
    before = 0
    for place in places:
        if place.path is not None and place.kind in _DIGESTIBLE and not place.compression and source.rows is None:
            last = 0
            for block in _blocks(place, wanted):
                last = block.last or last
                yield _moved(block, before)
            before += last
        else:
            counted = _Counted(place, wanted, source.rows, before)
            yield RowBlock(before + 1, None, None, counted.read)
            before = counted.last


@dataclass
class _Counted:
    """The rows of a file, and the number of the last of them that was read."""

    place: Place
    wanted: Wanted | None
    inside: str | None
    last: int

    def read(self) -> Rows:
        before = self.last
        for number, row in files.read_rows(self.place, self.wanted, self.inside):
            self.last = before + number
            yield self.last, row


def _moved(block: RowBlock, before: int) -> RowBlock:
    """Return a file's block with its numbers in the source."""
    if not before or block.last is None:
        return block
    return replace(
        block,
        first=before + block.first,
        last=before + block.last,
        rows=lambda: ((before + number, row) for number, row in block.rows()),
    )


def _blocks(place: Place, wanted: Wanted | None) -> Iterator[RowBlock]:
    with files.opened(place) as file:
        yield from _of_parquet(file, place.name, wanted) if place.kind == ".parquet" else _of_lines(file, place.name)


def _of_lines(file: IO[bytes], name: str) -> Iterator[RowBlock]:
    lines, first = files.text_of(file), 1
    while block := list(islice(lines, ROWS_PER_BLOCK)):
        given = [number for number, line in enumerate(block) if line.strip()]
        if given:
            content = "".join(block).encode(errors="surrogatepass")
            yield RowBlock(first, first + given[-1], _digest(b"lines", content), _rows_of_lines(block, first, name))
        first += len(block)


def _rows_of_lines(lines: list[str], first: int, name: str) -> Callable[[], Rows]:
    return lambda: files.rows_of_lines(lines, name, first)


def _of_parquet(file: IO[bytes], name: str, wanted: Wanted | None) -> Iterator[RowBlock]:
    first = 1
    for table in _tables(files.parquet_batches(file, name, wanted, ROWS_PER_BLOCK)):
        yield RowBlock(first, first + table.num_rows - 1, _table_digest(table), _rows_of_table(table, first))
        first += table.num_rows


def _tables(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Join batches to tables of ROWS_PER_BLOCK rows: batches end where a file's row groups do."""
    import pyarrow as pa

    held: list[pa.RecordBatch] = []
    for batch in batches:
        held.append(batch)
        while sum(one.num_rows for one in held) >= ROWS_PER_BLOCK:
            whole = pa.Table.from_batches(held)
            yield whole.slice(0, ROWS_PER_BLOCK).combine_chunks()
            held = whole.slice(ROWS_PER_BLOCK).to_batches()
    if any(one.num_rows for one in held):
        yield pa.Table.from_batches(held).combine_chunks()


def _rows_of_table(table: pa.Table, first: int) -> Callable[[], Rows]:
    def rows() -> Rows:
        for start in range(0, table.num_rows, _ROWS_AT_ONCE):
            yield from enumerate(rows_of(table.slice(start, _ROWS_AT_ONCE)), first + start)

    return rows


def _table_digest(table: pa.Table) -> str:
    columns = "\n".join(f"{field.name}\t{field.type}" for field in table.schema)
    batches = table.replace_schema_metadata(None).to_batches()
    return _digest(columns.encode(), *(batch.serialize() for batch in batches))


def _digest(*parts: Any) -> str:
    """Return 160 bits of the BLAKE2 hash of some buffers."""
    hashed = hashlib.blake2b(digest_size=20)
    for part in parts:
        hashed.update(len(memoryview(part)).to_bytes(8, "little"))
        hashed.update(part)
    return hashed.hexdigest()
