"""Write a config as Parquet shards, sorted by id, using the `datasets` library with declared features.

Traces are stored in the order of generation (or import). A table that does not fit in memory is sorted by distribution:
compute sizes, write each row to the file of its slice, then sort one slice at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from infogap.console import Advance
from infogap.errors import InputError
from infogap.ids import file_digest
from infogap.publish.configs.base import Config
from infogap.runs.run_folder import Run
from infogap.schema import Table, features

SLICE_BYTES = 256 * 2**20  # of text; a slice stays below 400 MB while it is joined and written


def in_order(keys: pl.DataFrame) -> pl.DataFrame:
    """Sort keys (one column) and number them in `place`."""
    return keys.sort(keys.columns).with_row_index("place").with_columns(pl.col("place").cast(pl.Int64))


@dataclass(frozen=True)
class SortedRows:
    """Published rows, made from a table's rows in the order of their places, slice by slice in bounded memory.

    `places` has the table's key, `place` and whatever else `publish` needs. Rows with the same place become one
    published row.
    """

    run: Run
    table: Table
    places: pl.DataFrame
    publish: Callable[[Run, pl.DataFrame], pl.DataFrame]

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

    def __iter__(self) -> Iterator[pl.DataFrame]:
        for rows in sorted_slices(self.run, self.table, self.places, SLICE_BYTES):
            yield self.publish(self.run, rows)


def in_shards(rows: Iterable[pl.DataFrame]) -> Iterable[pl.DataFrame]:
    """Join small frames of a config, so that a config that yields a frame per task does not become a file per task.

    A shard has 256 MiB of text or more, where there is as much: a few hundred MB at most, of which a repository of the
    Hub, meant for up to 10,000 files per folder, holds terabytes.
    """
    return rows if isinstance(rows, SortedRows) else _joined(rows)


def _joined(frames: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    waiting: list[pl.DataFrame] = []
    size = 0
    for frame in frames:
        if waiting and (frame.schema != waiting[0].schema or size >= SLICE_BYTES):
            yield pl.concat(waiting)
            waiting, size = [], 0
        waiting.append(frame)
        size += int(frame.estimated_size())
    if waiting:
        yield pl.concat(waiting)


def sorted_slices(run: Run, table: Table, places: pl.DataFrame, limit: int = SLICE_BYTES) -> Iterator[pl.DataFrame]:
    """Yield a table's rows joined with `places`, in frames of about `limit` bytes of text.

    Rows are sorted by `place` and key, within and across frames. Rows with the same place are in the same frame.
    """
    starts = _starts(run, table, places, limit)
    order = ["place", table.key]
    if len(starts) < 2:
        parts = [part.join(places, on=table.key) for part in run.parts(table)]
        whole = pl.concat([_empty(table, places), *parts]).sort(order)
        if whole.height:
            yield whole
        return
    # A name of its own, as an export may run at the same time as a publish.
    with TemporaryDirectory(prefix=".publish.spill.", dir=run.path) as name:
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


@dataclass(frozen=True)
class Shard:
    """One Parquet file; `path` is relative to the dataset folder."""

    path: str
    rows: int
    bytes: int
    sha256: str
    arrow_bytes: int  # its size in memory


@dataclass(frozen=True)
class Written:
    """A config that has been written, with the files of each split that has rows."""

    config: Config
    columns: pl.Schema
    splits: dict[str, list[Shard]]

    @property
    def shards(self) -> list[Shard]:
        return [shard for shards in self.splits.values() for shard in shards]

    @property
    def arrow_bytes(self) -> int:
        return sum(shard.arrow_bytes for shard in self.shards)

    @property
    def rows(self) -> int:
        return sum(shard.rows for shard in self.shards)

    @property
    def bytes(self) -> int:
        return sum(shard.bytes for shard in self.shards)


def in_splits(
    config: Config, rows: Iterable[pl.DataFrame], tasks: pl.DataFrame, names: tuple[str, ...]
) -> Iterator[tuple[str, pl.DataFrame]]:
    """Divide a config's rows by the splits of their tasks; `tasks` has `task_id` and `split`.

    Raises InputError if rows do not name their task, or name one that has no trace.
    """
    if isinstance(rows, SortedRows):
        for name in names:
            for frame in rows.of_tasks(tasks.filter(pl.col("split") == name)["task_id"]):
                yield name, config.named_split(frame, name)
        return
    for frame in rows:
        try:
            of_task = frame.select(task_id=config.task).with_row_index("row")
        except pl.exceptions.PolarsError as error:
            raise InputError(
                f"publish.splits: the config `{config.name}` does not name the task of a row "
                f"({str(error).splitlines()[0]}); its `task` should be an expression of its columns"
            ) from None
        split = of_task.join(tasks, on="task_id", how="left", maintain_order="left")["split"]
        if split.null_count():
            task_id = of_task.filter(split.is_null())["task_id"][0]
            raise InputError(f"publish.splits: the config `{config.name}` has the task {task_id}, which has no trace")
        for name in names:
            yield name, config.named_split(frame.filter(split == name), name)


def write_config(
    config: Config,
    columns: pl.Schema,
    frames: Iterable[tuple[str, pl.DataFrame]],
    folder: Path,
    advance: Advance = lambda _n=1, **_extra: None,
) -> Written:
    """Write data/CONFIG/SPLIT-XXXXX-of-XXXXX.parquet into `folder`, a shard per frame; equal frames give equal bytes.

    Raises InputError if a frame does not have the config's columns.
    """
    target = folder / "data" / config.name
    target.mkdir(parents=True)
    unnamed: dict[str, list[tuple[Path, int, int]]] = {}
    for split, frame in frames:
        files = unnamed.setdefault(split, [])
        if frame.is_empty():
            continue
        path = target / f".{split}-{len(files):05d}.parquet"
        files.append((path, frame.height, _write_shard(_checked(config, frame, columns), columns, path)))
        advance(frame.height)
    splits: dict[str, list[Shard]] = {}
    for split, files in unnamed.items():  # in the recipe's order, as `in_splits` yields each split, empty or not
        for index, (path, rows, arrow_bytes) in enumerate(files):
            named = path.rename(target / f"{split}-{index:05d}-of-{len(files):05d}.parquet")
            place = named.relative_to(folder).as_posix()
            shard = Shard(place, rows, named.stat().st_size, file_digest(named), arrow_bytes)
            splits.setdefault(split, []).append(shard)
    return Written(config, columns, splits)


def _checked(config: Config, frame: pl.DataFrame, columns: pl.Schema) -> pl.DataFrame:
    try:
        return frame.match_to_schema(columns)
    except pl.exceptions.PolarsError as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"the rows of the config `{config.name}` do not match its features: {reason}") from error


def _write_shard(frame: pl.DataFrame, schema: pl.Schema, path: Path) -> int:
    """Write one Parquet file; return the size of its Arrow table in bytes."""
    from datasets import Dataset

    with _no_bars():
        dataset: Any = Dataset.from_polars(_nothing_under_nulls(frame), features=features(schema))
        dataset.to_parquet(path)
    return int(dataset.data.nbytes)


def _nothing_under_nulls(frame: pl.DataFrame) -> pl.DataFrame:
    """Copy the rows, so that null lists have no items.

    After a left join Polars may keep items under a null list, which Arrow allows, but `datasets` would attach them to
    the preceding row.
    """
    import pyarrow as pa

    table = frame.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    copied = pl.from_arrow(table.take(pa.array(range(frame.height), pa.int64())), schema=frame.schema)
    assert isinstance(copied, pl.DataFrame)
    return copied


@contextmanager
def _no_bars() -> Iterator[None]:
    """Hide the progress bars of the `datasets` library, which would garble ours."""
    from datasets import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    shown = not are_progress_bars_disabled()
    disable_progress_bars()
    try:
        yield
    finally:
        if shown:
            enable_progress_bars()
