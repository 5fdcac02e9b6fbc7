"""Divide a run into slices that fit in memory: the rows of one table in a given order, and what belongs to them.

Traces are stored in the order of generation (or import). A table that does not fit in memory is sorted by distribution:
each row is written to the file of its slice, then one slice at a time is read back and sorted. The rows of the other
tables that belong to it go to the same slice, so that joining a slice does not read the whole run.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, fields
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from infogap.runs.run_folder import Run, read_part
from infogap.schema import (
    DERIVATIONS,
    DUPLICATES,
    MEASURES,
    MIX,
    STATED_VERDICTS,
    TASKS,
    TRACE_TURNS,
    TRACES,
    VERDICTS,
    Table,
)

_AT_ONCE = 16 * 2**20  # bytes of rows that are distributed at a time
_MOST_SLICES = 500  # as many files are open at a time
_NOT_JOINED = ("solution",)  # columns of a task that no published row has
_BESIDE = {  # tables with the same key
    TRACES.name: (STATED_VERDICTS, TRACE_TURNS, VERDICTS, DERIVATIONS, MEASURES, DUPLICATES, MIX)
}

Assign = Callable[[pl.DataFrame], pl.DataFrame]


@dataclass(frozen=True)
class RunSlice(Run):
    """A run, and one slice of it: a folder with a file for each table of which it holds some rows."""

    folder: Path = field(default=Path())

    def belonging(self, table: Table) -> pl.LazyFrame | None:
        """Return the rows of a table that belong to the slice; None if it does not know them."""
        path = self.folder / f"{table.name}.arrow"
        return _read(path).lazy() if path.is_file() else None


def scan_belonging(run: Run, table: Table, rows: pl.DataFrame) -> pl.LazyFrame:
    """Scan the rows of a table that some rows, which have its key, need; in a slice of a run, all of the slice.

    They are in the order of the table.
    """
    belonging = run.belonging(table) if isinstance(run, RunSlice) else None
    if belonging is not None:
        return belonging
    key = "task_id" if table is TASKS else TRACES.key
    return run.scan(table).join(rows.lazy().select(key).unique(), on=key, how="semi", maintain_order="left")


class Slices:
    """The slices of a run, by the order of one table's rows. They are written to a folder when the first is read."""

    def __init__(self, run: Run, table: Table, folder: Path, count: int, assign: Assign) -> None:
        """Take the number of slices, and a function that adds to rows with the table's key the `slice` of each."""
        self._run, self._table, self._folder = run, table, folder
        self._count, self._assign = count, assign
        self._written = False

    def __len__(self) -> int:
        return self._count

    def write(self) -> None:
        """Write the slices, if they are not there yet."""
        if not self._written:
            self._write()

    def read(self, index: int) -> tuple[RunSlice, pl.DataFrame]:
        """Return a slice, and its rows of the table, in no order."""
        self.write()
        folder = self._folder / str(index)
        known = {each.name: getattr(self._run, each.name) for each in fields(Run)}
        return RunSlice(**known, folder=folder), _read(folder / f"{self._table.name}.arrow")

    def _write(self) -> None:
        for index in range(self._count):
            (self._folder / str(index)).mkdir()
        of_tasks: list[pl.DataFrame] = []
        self._distribute(self._table, self._assign, of_tasks)
        beside = _BESIDE.get(self._table.name, ())
        for table in beside:
            self._distribute(self._run.stored(table) if table.extensible else table, self._assign)
        if of_tasks:
            tasks = pl.concat(of_tasks).unique()
            self._distribute(TASKS, lambda rows: rows.drop(_NOT_JOINED).join(tasks, on="task_id"))
        release_memory()
        self._written = True

    def _distribute(self, table: Table, assign: Assign, of_tasks: list[pl.DataFrame] | None = None) -> None:
        """Write a table's rows to the files of their slices; add the tasks of each slice to `of_tasks`."""
        import pyarrow as pa

        schema = _arrow(assign(table.empty()).drop("slice")).schema
        with ExitStack() as open_files:
            writers = [
                open_files.enter_context(
                    pa.ipc.new_stream(open_files.enter_context(pa.OSFile(str(path), "wb")), schema)
                )
                for path in (self._folder / str(index) / f"{table.name}.arrow" for index in range(self._count))
            ]
            # A task belongs to the slices of all its traces.
            for rows in _batches(self._run, table, _AT_ONCE // 4 if table is TASKS else _AT_ONCE):
                assigned = assign(rows).sort("slice", maintain_order=True)
                whole, start = _arrow(assigned.drop("slice")), 0
                for length, index in assigned["slice"].rle().struct.unnest().iter_rows():
                    writers[index].write_table(whole.slice(start, length))
                    start += length
                if of_tasks is not None and table is not TASKS and "task_id" in table.schema:
                    of_tasks.append(assigned.select("task_id", "slice").unique())


@contextmanager
def sliced_in_order(
    run: Run, table: Table, places: pl.DataFrame, limit: int
) -> Iterator[tuple[Slices, pl.Series] | None]:
    """Slice a run by `place`; `places` has the table's key and `place`. Yield the slices, and the first place of each.

    None if it is all one slice. Rows with the same place are in the same slice.
    """
    starts = _starts(run, table, places, limit)
    if len(starts) < 2:
        yield None
        return
    slices = (starts.search_sorted(places["place"], side="right") - 1).cast(pl.Int32)
    keyed = places.select(table.key, slice=slices).unique()

    def assign(rows: pl.DataFrame) -> pl.DataFrame:
        return rows.join(keyed, on=table.key, maintain_order="left")

    with spill_folder(run) as folder:
        yield Slices(run, table, folder, len(starts), assign), starts


@contextmanager
def sliced_by_key(run: Run, table: Table, limit: int) -> Iterator[tuple[Slices, pl.Series] | None]:
    """Slice a run by the order of a table's keys; yield the slices, and the first key of each.

    None if it is all one slice.
    """
    sizes = _sizes(run, table).sort(table.key)
    first = sizes[table.key].gather(_cuts(sizes["size"], limit))
    del sizes
    if len(first) < 2:
        yield None
        return
    with spill_folder(run) as folder:
        yield Slices(run, table, folder, len(first), partial(_by_first_key, key=table.key, first=first)), first


def _by_first_key(rows: pl.DataFrame, key: str, first: pl.Series) -> pl.DataFrame:
    slices = first.search_sorted(rows[key], side="right").cast(pl.Int32) - 1
    return rows.with_columns(slice=slices.clip(0))


@contextmanager
def spill_folder(run: Run) -> Iterator[Path]:
    """Yield a temporary folder, inside the run's, for what need not be in memory."""
    # A name of its own, as an export may run at the same time as a publish.
    with TemporaryDirectory(prefix=".publish.spill.", dir=run.path) as name:
        yield Path(name)


def _starts(run: Run, table: Table, places: pl.DataFrame, limit: int) -> pl.Series:
    """Return the first place of every slice of about `limit` bytes.

    A row counts as many bytes as the rows of its part do on average: texts are not read for it.
    """
    with_sizes = places.join(_sizes(run, table), on=table.key).select("place", "size")
    by_place = with_sizes.group_by("place").agg(pl.col("size").sum()).sort("place")
    return by_place["place"].gather(_cuts(by_place["size"], limit))


def _cuts(sizes: pl.Series, limit: int) -> pl.Series:
    """Return the positions at which a new slice begins, given the sizes in order."""
    limit = max(limit, int(sizes.sum()) // _MOST_SLICES)
    slices = (sizes.cum_sum() - sizes) // limit
    return (slices != slices.shift(1)).fill_null(True).arg_true()


def _sizes(run: Run, table: Table) -> pl.DataFrame:
    """Return the table's keys with a `size` each."""
    return pl.concat([table.empty().select(table.key, size=pl.lit(0.0)), *_sizes_of_parts(run, table)])


def _sizes_of_parts(run: Run, table: Table) -> Iterator[pl.DataFrame]:
    import pyarrow.parquet as pq

    for path in run.part_paths(table):
        described = pq.read_metadata(path)
        size = sum(described.row_group(group).total_byte_size for group in range(described.num_row_groups))
        keys = pl.read_parquet(path, columns=[table.key])
        yield keys.with_columns(size=pl.lit(size / max(keys.height, 1)))


def _batches(run: Run, table: Table, limit: int) -> Iterator[pl.DataFrame]:
    """Yield a table in the order it was written, several parts at a time if they are small."""
    waiting: list[pl.DataFrame] = []
    size = 0.0
    for path in run.part_paths(table):
        waiting.append(read_part(path, table).select(table.schema.names()))
        size += waiting[-1].estimated_size()
        if size >= limit:
            yield pl.concat(waiting)
            waiting, size = [], 0.0
    if waiting:
        yield pl.concat(waiting)


def _read(path: Path) -> pl.DataFrame:
    import pyarrow as pa

    with pa.OSFile(str(path), "rb") as file:
        frame = pl.from_arrow(pa.ipc.open_stream(file).read_all())
    assert isinstance(frame, pl.DataFrame)
    return frame


def release_memory() -> None:
    """Give back the memory that Arrow and the C library keep for what is next, which needs as much at another place."""
    import pyarrow as pa

    pa.default_memory_pool().release_unused()
    if sys.platform == "linux" and hasattr(c_library := ctypes.CDLL(None), "malloc_trim"):  # of glibc, not of musl
        c_library.malloc_trim(0)


def _arrow(frame: pl.DataFrame) -> Any:
    return frame.to_arrow(compat_level=pl.CompatLevel.oldest())
