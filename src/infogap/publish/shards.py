"""Parquet shards of a config, written by the `datasets` library with declared features."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from infogap.console import Advance
from infogap.ids import file_digest
from infogap.publish.configs import Config
from infogap.publish.slices import SLICE_BYTES, sorted_slices
from infogap.run import Run
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
    """What was written of a config; `arrow_bytes` is its size once loaded."""

    config: Config
    shards: list[Shard]
    arrow_bytes: int

    @property
    def rows(self) -> int:
        return sum(shard.rows for shard in self.shards)

    @property
    def bytes(self) -> int:
        return sum(shard.bytes for shard in self.shards)


def write_config(
    run: Run, config: Config, folder: Path, advance: Advance = lambda _n=1, **_extra: None, limit: int = SLICE_BYTES
) -> Written:
    """Write data/CONFIG/train-XXXXX-of-XXXXX.parquet into `folder`, ordered by trace_id.

    One shard per slice of about `limit` bytes of text; equal tables give equal bytes.
    """
    target = folder / "data" / config.name
    target.mkdir(parents=True)
    unnamed, rows, arrow_bytes = list[Path](), list[int](), 0
    for traces in sorted_slices(run, config.selected_only, limit):
        path = target / f"{len(unnamed):05d}.parquet"
        arrow_bytes += _write_shard(config.rows(run, traces), config.schema, path)
        unnamed.append(path)
        rows.append(traces.height)
        advance(traces.height)
    shards = []
    for index, path in enumerate(unnamed):
        named = path.rename(target / f"train-{index:05d}-of-{len(unnamed):05d}.parquet")
        place = named.relative_to(folder).as_posix()
        shards.append(Shard(place, rows[index], named.stat().st_size, file_digest(named)))
    return Written(config, shards, arrow_bytes)


def _write_shard(frame: pl.DataFrame, schema: pl.Schema, path: Path) -> int:
    """Write one file; returns the Arrow table's size in bytes."""
    from datasets import Dataset

    with _no_bars():
        dataset: Any = Dataset.from_polars(frame.rechunk(), features=features(schema))
        dataset.to_parquet(path)
    return int(dataset.data.nbytes)


@contextmanager
def _no_bars() -> Iterator[None]:
    """Without the bars of the `datasets` library, which would cut through ours."""
    from datasets import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    shown = not are_progress_bars_disabled()
    disable_progress_bars()
    try:
        yield
    finally:
        if shown:
            enable_progress_bars()
