"""Parquet shards of a config, written by the `datasets` library with declared features."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from infogap.console import Advance
from infogap.errors import InputError
from infogap.ids import file_digest
from infogap.publish.configs.base import Config
from infogap.schema import features


@dataclass(frozen=True)
class Shard:
    """One Parquet file; `path` is its place in the dataset folder."""

    path: str
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Written:
    """A written config; `arrow_bytes` is its size once loaded."""

    config: Config
    columns: pl.Schema
    shards: list[Shard]
    arrow_bytes: int

    @property
    def rows(self) -> int:
        return sum(shard.rows for shard in self.shards)

    @property
    def bytes(self) -> int:
        return sum(shard.bytes for shard in self.shards)


def write_config(
    config: Config,
    columns: pl.Schema,
    frames: Iterable[pl.DataFrame],
    folder: Path,
    advance: Advance = lambda _n=1, **_extra: None,
) -> Written:
    """Write data/CONFIG/train-XXXXX-of-XXXXX.parquet into `folder`, a shard per frame; equal frames give equal bytes.

    Raises InputError if a frame does not have the config's columns.
    """
    target = folder / "data" / config.name
    target.mkdir(parents=True)
    unnamed, rows, arrow_bytes = list[Path](), list[int](), 0
    for frame in frames:
        if frame.is_empty():
            continue
        path = target / f"{len(unnamed):05d}.parquet"
        arrow_bytes += _write_shard(_checked(config, frame, columns), columns, path)
        unnamed.append(path)
        rows.append(frame.height)
        advance(frame.height)
    shards = []
    for index, path in enumerate(unnamed):
        named = path.rename(target / f"train-{index:05d}-of-{len(unnamed):05d}.parquet")
        place = named.relative_to(folder).as_posix()
        shards.append(Shard(place, rows[index], named.stat().st_size, file_digest(named)))
    return Written(config, columns, shards, arrow_bytes)


def _checked(config: Config, frame: pl.DataFrame, columns: pl.Schema) -> pl.DataFrame:
    try:
        return frame.match_to_schema(columns)
    except pl.exceptions.PolarsError as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"the rows of the config `{config.name}` do not have its features: {reason}") from error


def _write_shard(frame: pl.DataFrame, schema: pl.Schema, path: Path) -> int:
    """Write one file; return the Arrow table's size in bytes."""
    from datasets import Dataset

    with _no_bars():
        dataset: Any = Dataset.from_polars(_nothing_under_nulls(frame), features=features(schema))
        dataset.to_parquet(path)
    return int(dataset.data.nbytes)


def _nothing_under_nulls(frame: pl.DataFrame) -> pl.DataFrame:
    """Copy the rows to new memory.

    After a left join Polars may leave items under a null list, which Arrow allows; `datasets` would attach them to the
    row before.
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
