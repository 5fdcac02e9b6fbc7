"""What a published config is: a view of the dataset, made of the rows of one table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import polars as pl

from infogap.publish.external_sort import SLICE_BYTES, sorted_slices
from infogap.runs.run_folder import Run
from infogap.schema import Table


@dataclass(frozen=True, kw_only=True)
class Config:
    """A view of the dataset.

    `places` says which rows of the table it takes, and in which order: the table's key, `place`, and what else `rows`
    needs; rows of the same place make one row. `rows` makes what is published of a slice of them.
    """

    name: str
    shows: str
    schema: pl.Schema
    key: pl.Expr  # what tells a row from the others
    table: Table
    places: Callable[[Run], pl.DataFrame]
    rows: Callable[[Run, pl.DataFrame], pl.DataFrame]
    empty: str  # why there may be no rows
    schema_of: Callable[[Run], pl.Schema] | None = None  # with the columns of the run's own measures

    def for_run(self, run: Run) -> Config:
        """The same view with the columns that it has in this run."""
        return self if self.schema_of is None else replace(self, schema=self.schema_of(run))

    def slices(self, run: Run, places: pl.DataFrame, limit: int = SLICE_BYTES) -> Iterator[pl.DataFrame]:
        """What is published of these places, in order, from about `limit` bytes of text at a time."""
        for rows in sorted_slices(run, self.table, places, limit):
            yield self.rows(run, rows)
