"""Sort a table's rows on disk and yield them in slices that fit in memory.

Traces are stored in the order of generation (or import), and published by id. A distribution sort: compute sizes, write
each row to the file of its slice, then sort slice by slice in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from infogap.runs.run_folder import Run
from infogap.schema import Table

SLICE_BYTES = 256 * 2**20  # of text; a slice stays below 400 MB while it is joined and written


def in_order(keys: pl.DataFrame) -> pl.DataFrame:
    """Sort keys (one column) and number them in `place`."""
    return keys.sort(keys.columns).with_row_index("place").with_columns(pl.col("place").cast(pl.Int64))


@dataclass(frozen=True)
class SortedRows:
    """Published rows, made from the rows of a table in the order of their places, slice by slice in bounded memory.

    `places` has the table's key, `place` and what else `publish` needs; rows of one place make one published row.
    """

    run: Run
    table: Table
    places: pl.DataFrame
    publish: Callable[[Run, pl.DataFrame], pl.DataFrame]

    @property
    def total(self) -> int:
        """The number of published rows."""
        return self.places["place"].n_unique()

    def __iter__(self) -> Iterator[pl.DataFrame]:
        for rows in sorted_slices(self.run, self.table, self.places, SLICE_BYTES):
            yield self.publish(self.run, rows)


def sorted_slices(run: Run, table: Table, places: pl.DataFrame, limit: int = SLICE_BYTES) -> Iterator[pl.DataFrame]:
    """Yield the rows with the keys of `places`, joined with its other columns, about `limit` bytes of text per frame.

    They are sorted by `place` and key, within and across frames. Rows of the same place are in the same frame.
    """
    starts = _starts(run, table, places, limit)
    order = ["place", table.key]
    if len(starts) < 2:
        parts = [part.join(places, on=table.key) for part in run.parts(table)]
        whole = pl.concat([_empty(table, places), *parts]).sort(order)
        if whole.height:
            yield whole
        return
    with TemporaryDirectory(prefix=".publish.spill.", dir=run.path) as name:  # an export may run beside a publish
        spill = Path(name)
        _distribute(run, table, places, starts, spill)
        for index in range(len(starts)):
            yield _read(spill / f"{index}.arrow", _empty(table, places).schema).sort(order)


def _empty(table: Table, places: pl.DataFrame) -> pl.DataFrame:
    return table.empty().join(places.clear(), on=table.key)


def _starts(run: Run, table: Table, places: pl.DataFrame, limit: int) -> pl.Series:
    """Return the first place of every slice."""
    size = pl.sum_horizontal(pl.col(pl.String).str.len_bytes().cast(pl.Int64))
    sizes = run.scan(table).select(table.key, size=size).join(places.lazy(), on=table.key).select("place", "size")
    by_place = sizes.collect().group_by("place").agg(pl.col("size").sum()).sort("place")
    slices = by_place.with_columns(slice=(pl.col("size").cum_sum() - pl.col("size")) // limit)
    return slices.group_by("slice").agg(pl.col("place").min()).get_column("place").sort()


def _distribute(run: Run, table: Table, places: pl.DataFrame, starts: pl.Series, spill: Path) -> None:
    import pyarrow as pa

    schema = _arrow(_empty(table, places)).schema
    with ExitStack() as open_files:
        writers = [
            open_files.enter_context(pa.ipc.new_stream(open_files.enter_context(pa.OSFile(str(path), "wb")), schema))
            for path in (spill / f"{index}.arrow" for index in range(len(starts)))
        ]
        for part in run.parts(table):
            kept = part.join(places, on=table.key)
            slices = starts.search_sorted(kept["place"], side="right") - 1
            for (index,), rows in kept.with_columns(slice=slices).group_by("slice"):
                writers[index].write_table(_arrow(rows.drop("slice")))


def _read(path: Path, schema: pl.Schema) -> pl.DataFrame:
    import pyarrow as pa

    with pa.OSFile(str(path), "rb") as file:
        frame = pl.from_arrow(pa.ipc.open_stream(file).read_all(), schema=schema)
    assert isinstance(frame, pl.DataFrame)
    return frame


def _arrow(frame: pl.DataFrame) -> Any:
    return frame.to_arrow(compat_level=pl.CompatLevel.oldest())
