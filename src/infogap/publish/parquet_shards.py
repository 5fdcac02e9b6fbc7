"""Write a config as Parquet shards, with the columns that `datasets` declares.

A shard grows frame by frame: a row group is in memory, not a file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from infogap.errors import InputError
from infogap.ids import file_digest
from infogap.progress import Advance
from infogap.publish import sorted_rows
from infogap.publish.configs.base import Config
from infogap.publish.run_slices import release_memory
from infogap.publish.sorted_rows import SortedRows
from infogap.schema import features

_SLICES_PER_SHARD = 16  # 256 MiB in memory: a few hundred MB at most
_MOST_AT_ONCE = 2**30  # bytes of a frame that become one row group; columns of 2 GiB have no Arrow type here


def in_shards(rows: Iterable[pl.DataFrame]) -> Iterable[pl.DataFrame]:
    """Join small frames of a config, so that a config that yields a frame per task has no row group per task.

    A shard has 256 MiB of data or more, where there is as much: of such files a repository of the Hub, meant for up to
    10,000 files per folder, holds terabytes.
    """
    return rows if isinstance(rows, SortedRows) else _joined(rows)


def _joined(frames: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    waiting: list[pl.DataFrame] = []
    size = 0
    for frame in frames:
        if waiting and (frame.schema != waiting[0].schema or size >= sorted_rows.SLICE_BYTES):
            yield pl.concat(waiting)
            waiting, size = [], 0
        waiting.append(frame)
        size += int(frame.estimated_size())
    if waiting:
        yield pl.concat(waiting)


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
    without: Mapping[str, int] = field(default_factory=dict)  # tasks that have no row, by reason

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
    """Write data/CONFIG/SPLIT-XXXXX-of-XXXXX.parquet into `folder`, a row group per frame.

    Equal frames give equal bytes. Raises InputError if a frame does not have the config's columns.
    """
    target = folder / "data" / config.name
    target.mkdir(parents=True)
    write = _Writer.of(columns)
    splits: dict[str, list[_OpenShard]] = {}
    with ExitStack() as open_files:
        for split, frame in frames:
            shards = splits.setdefault(split, [])
            if frame.is_empty():
                continue
            checked = _checked(config, frame, columns)
            if not shards or shards[-1].is_full:
                if shards:
                    shards[-1].close()
                shards.append(_OpenShard(target / f".{split}-{len(shards):05d}.parquet", write))
                open_files.callback(shards[-1].close)
            shards[-1].add(checked)
            advance(frame.height)
    # In the recipe's order, as `in_splits` yields each split, empty or not.
    return Written(
        config, columns, {name: _named(shards, name, folder, target) for name, shards in splits.items() if shards}
    )


def _named(shards: list[_OpenShard], split: str, folder: Path, target: Path) -> list[Shard]:
    named = []
    for index, shard in enumerate(shards):
        path = shard.path.rename(target / f"{split}-{index:05d}-of-{len(shards):05d}.parquet")
        place = path.relative_to(folder).as_posix()
        named.append(Shard(place, shard.rows, path.stat().st_size, file_digest(path), shard.arrow_bytes))
    return named


def _checked(config: Config, frame: pl.DataFrame, columns: pl.Schema) -> pl.DataFrame:
    try:
        return frame.match_to_schema(columns)
    except pl.exceptions.PolarsError as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"the rows of the config `{config.name}` do not match its features: {reason}") from error


@dataclass(frozen=True)
class _Writer:
    """How a config's rows are written: its columns as `datasets` declares them in a file, and how pages are cut.

    Files are as `datasets` writes them (pages cut by content, of which a new version shares most with the last one; an
    index of pages), but compressed by zstd.
    """

    columns: pl.Schema
    schema: Any  # pyarrow.Schema, with the features in its metadata
    chunking: dict[str, int]

    @classmethod
    def of(cls, columns: pl.Schema) -> _Writer:
        from datasets import config

        return cls(columns, features(columns).arrow_schema, config.DEFAULT_CDC_OPTIONS)

    def open(self, path: Path) -> Any:
        import pyarrow.parquet as pq

        writer = pq.ParquetWriter(
            path,
            self.schema,
            compression="zstd",
            use_content_defined_chunking=self.chunking,
            write_page_index=True,
        )
        writer.add_key_value_metadata({"content_defined_chunking": json.dumps(self.chunking)})
        return writer

    def tables(self, frame: pl.DataFrame) -> Iterator[Any]:
        """Yield a frame's rows as Arrow tables of these columns, in one piece unless it is very large."""
        rows = max(1, frame.height * _MOST_AT_ONCE // max(int(frame.estimated_size()), _MOST_AT_ONCE))
        for piece in frame.iter_slices(rows):
            yield _nothing_under_nulls(piece).cast(self.schema)


@dataclass
class _OpenShard:
    """A file that is being written, and what it has so far."""

    path: Path
    how: _Writer
    rows: int = 0
    arrow_bytes: int = 0
    _out: Any = field(default=None)

    @property
    def is_full(self) -> bool:
        return self.arrow_bytes >= _SLICES_PER_SHARD * sorted_rows.SLICE_BYTES

    def add(self, frame: pl.DataFrame) -> None:
        if self._out is None:
            self._out = self.how.open(self.path)
        for table in self.how.tables(frame):
            self._out.write_table(table, row_group_size=table.num_rows)
            self.arrow_bytes += table.nbytes
        release_memory()
        self.rows += frame.height

    def close(self) -> None:
        if self._out is not None:
            self._out.close()
            self._out = None


def _nothing_under_nulls(frame: pl.DataFrame) -> Any:
    """Copy the rows into an Arrow table, so that null lists have no items, and equal rows take equal space.

    After a left join Polars may keep items under a null list, which Arrow allows, but readers and writers differ in
    what they make of it. A column without nulls may have a mask of them, or none, by how it was made.
    """
    import pyarrow as pa

    table = frame.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    copied = pl.from_arrow(table.take(pa.array(range(frame.height), pa.int64())), schema=frame.schema)
    assert isinstance(copied, pl.DataFrame)
    return copied.to_arrow(compat_level=pl.CompatLevel.oldest())
