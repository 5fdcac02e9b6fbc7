"""Make the rows of a config from a table's rows, in a given order, slice by slice in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise

import polars as pl

from infogap.publish.run_slices import Slices, sliced_by_key, sliced_in_order
from infogap.runs.run_folder import Run
from infogap.schema import TRACES, Table

SLICE_BYTES = 16 * 2**20  # of a table's rows; a slice takes several times as much while it is joined and written


def in_order(keys: pl.DataFrame) -> pl.DataFrame:
    """Sort keys (one column) and number them in `place`."""
    return keys.sort(keys.columns).with_row_index("place").with_columns(pl.col("place").cast(pl.Int64))


@dataclass(frozen=True)
class TracesById:
    """The slices of a run by the ids of its traces, which all configs that are sorted by them share."""

    slices: Slices
    first: pl.Series  # the first id of each slice

    def frames(self, places: pl.DataFrame) -> Iterator[tuple[Run, pl.DataFrame]]:
        """Yield each slice with its traces among `places`, which are sorted by id."""
        yield from _frames(self.slices, places, places[TRACES.key].search_sorted(self.first, side="left"), TRACES.key)


@dataclass(frozen=True)
class SortedRows:
    """Published rows, made from a table's rows in the order of their places, slice by slice in bounded memory.

    `places` has the table's key, `place` and whatever else `publish` needs. Rows with the same place become one
    published row. `publish` takes the run, or a slice of it, and rows of the table.
    """

    run: Run
    table: Table
    places: pl.DataFrame
    publish: Callable[[Run, pl.DataFrame], pl.DataFrame]
    by_id: TracesById | None = None  # used if the places are in the order of the traces' ids

    def of_tasks(self, task_ids: pl.Series) -> SortedRows:
        """Return the rows of the given tasks, in the same order and renumbered."""
        wanted = task_ids.to_frame("task_id").lazy()
        keys = self.run.scan(self.table).join(wanted, on="task_id", how="semi").select(self.table.key).collect()
        mine = self.places.join(keys, on=self.table.key, how="semi", maintain_order="left")
        return replace(self, places=mine.with_columns(pl.col("place").rank("dense").cast(pl.Int64) - 1))

    @property
    def total(self) -> int:
        """The number of published rows."""
        return self.places["place"].n_unique()

    def prepare(self) -> None:
        """Write the slices that the rows share with other configs, while little else is in memory."""
        if (shared := self._shared()) is not None:
            shared.slices.write()

    def _shared(self) -> TracesById | None:
        return self.by_id if self.table is TRACES and _by_key(self.places, TRACES.key) else None

    def __iter__(self) -> Iterator[pl.DataFrame]:
        if (shared := self._shared()) is not None:
            slices = shared.frames(self.places)
        else:
            slices = sorted_slices(self.run, self.table, self.places, SLICE_BYTES)
        for run, rows in slices:
            yield self.publish(run, rows)


def _by_key(places: pl.DataFrame, key: str) -> bool:
    """Return True if the rows are sorted by the key, with a place for each."""
    return bool(places[key].is_sorted() and places["place"].is_sorted() and places["place"].is_unique().all())


@contextmanager
def traces_by_id(run: Run) -> Iterator[TracesById | None]:
    """Slice a run by the ids of its traces; None if it is all one slice."""
    with sliced_by_key(run, TRACES, SLICE_BYTES) as sliced:
        yield None if sliced is None else TracesById(*sliced)


def sorted_slices(
    run: Run, table: Table, places: pl.DataFrame, limit: int = SLICE_BYTES
) -> Iterator[tuple[Run, pl.DataFrame]]:
    """Yield slices of the run with the table's rows, joined with `places`, in frames of about `limit` bytes.

    Rows are sorted by `place` and key, within and across frames. Rows with the same place are in the same frame.
    """
    with sliced_in_order(run, table, places, limit) as sliced:
        if sliced is None:
            parts = [part.join(places, on=table.key) for part in run.parts(table)]
            whole = pl.concat([table.empty().join(places.clear(), on=table.key), *parts]).sort("place", table.key)
            if whole.height:
                yield run, whole
            return
        slices, starts = sliced
        ordered = places.sort("place")
        yield from _frames(slices, ordered, ordered["place"].search_sorted(starts, side="left"), table.key)


def _frames(slices: Slices, places: pl.DataFrame, starts: pl.Series, key: str) -> Iterator[tuple[Run, pl.DataFrame]]:
    """Yield each slice with its rows, in order, of the slices that have any; `starts` are rows of `places`."""
    bounds = [0, *starts[1:], places.height]
    for index, (start, end) in enumerate(pairwise(bounds)):
        if start < end:
            run, rows = slices.read(index)
            yield run, rows.join(places[start:end], on=key).sort("place", key)
