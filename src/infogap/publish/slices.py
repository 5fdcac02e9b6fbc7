"""All traces, or those of the mix, in the order of their ids, in slices that fit in memory.

Traces lie on disk in the order of the plan (or of the import); what is published is ordered by id. Sorting by
distribution: sizes first, then each row into the file of its slice, then slice by slice a sort in memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from infogap.run import Run
from infogap.schema import MIX, TRACES

SLICE_BYTES = 256 * 2**20  # of text; joined and written, a slice stays below 400 MB


def selected_ids(run: Run, selected_only: bool) -> pl.LazyFrame:
    """The ids of the traces of the mix, or of all."""
    if selected_only:
        return run.scan(MIX).filter("selected").select("trace_id")
    return run.scan(TRACES).select("trace_id")


def sorted_slices(run: Run, selected_only: bool, limit: int = SLICE_BYTES) -> Iterator[pl.DataFrame]:
    """Frames of the traces table, ordered by trace_id within and between them, about `limit` bytes of text each."""
    ids = selected_ids(run, selected_only)
    starts = _starts(run, ids, limit)
    keep = ids.collect()
    if len(starts) < 2:
        parts = [part.join(keep, on="trace_id", how="semi") for part in run.parts(TRACES)]
        whole = pl.concat([TRACES.empty(), *parts]).sort("trace_id")
        if whole.height:
            yield whole
        return
    with TemporaryDirectory(prefix=".publish.spill.", dir=run.path) as name:  # an export may run beside a publish
        spill = Path(name)
        _distribute(run, keep, starts, spill)
        for index in range(len(starts)):
            yield _read(spill / f"{index}.arrow").sort("trace_id")


def _starts(run: Run, ids: pl.LazyFrame, limit: int) -> pl.Series:
    """The first id of every slice."""
    size = pl.col("reasoning").str.len_bytes() + pl.col("response").str.len_bytes()
    sizes = run.scan(TRACES).select("trace_id", size=size.cast(pl.Int64)).join(ids, on="trace_id", how="semi")
    before = pl.col("size").cum_sum() - pl.col("size")
    slices = sizes.collect().sort("trace_id").with_columns(slice=before // limit)
    return slices.group_by("slice").agg(pl.col("trace_id").min()).get_column("trace_id").sort()


def _distribute(run: Run, keep: pl.DataFrame, starts: pl.Series, spill: Path) -> None:
    import pyarrow as pa

    schema = _arrow(TRACES.empty()).schema
    with ExitStack() as open_files:
        writers = [
            open_files.enter_context(pa.ipc.new_stream(open_files.enter_context(pa.OSFile(str(path), "wb")), schema))
            for path in (spill / f"{index}.arrow" for index in range(len(starts)))
        ]
        for part in run.parts(TRACES):
            kept = part.join(keep, on="trace_id", how="semi")
            place = starts.search_sorted(kept["trace_id"], side="right") - 1
            for (index,), rows in kept.with_columns(slice=place).group_by("slice"):
                writers[index].write_table(_arrow(rows.drop("slice")))


def _read(path: Path) -> pl.DataFrame:
    import pyarrow as pa

    with pa.OSFile(str(path), "rb") as file:
        frame = pl.from_arrow(pa.ipc.open_stream(file).read_all(), schema=TRACES.schema)
    assert isinstance(frame, pl.DataFrame)
    return frame


def _arrow(frame: pl.DataFrame) -> Any:
    return frame.to_arrow(compat_level=pl.CompatLevel.oldest())
