"""Traces that the present plan does not ask for: kept, as another plan may ask for them again."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import polars as pl

from infogap.generate.journal import Row
from infogap.generate.parts import is_sound, with_their_tokens
from infogap.ids import stable_id
from infogap.run import write_part
from infogap.schema import TOKENS, TRACES

_SCHEMA = pl.Schema({**TRACES.schema, "logprobs": TOKENS.schema["logprobs"], "entropies": TOKENS.schema["entropies"]})
_UNUSED = "unused.parquet"


def cached_rows(folder: Path, trace_ids: Iterable[str], *, with_tokens: bool) -> dict[str, Row]:
    """Rows of the cache with these ids; with their tokens, or without."""
    paths = _paths(folder)
    if not paths:
        return {}
    wanted = pl.Series(list(trace_ids), dtype=pl.String).implode()
    found = pl.scan_parquet(paths, schema=_SCHEMA).filter(pl.col("trace_id").is_in(wanted)).collect()
    if not with_tokens:
        found = found.select(TRACES.schema.names())
    return {row["trace_id"]: row for row in found.iter_rows(named=True)}


def set_aside(folder: Path, path: Path, rows: list[Row] | None = None) -> None:
    """Move a part's rows, or those of a journal, to the cache, but for failed requests."""
    if rows is not None:
        frame = pl.DataFrame([dict.fromkeys(_SCHEMA) | row for row in rows], schema=_SCHEMA)
    elif is_sound(path):
        frame = with_their_tokens(folder, path)
    else:
        return
    kept = frame.filter(pl.col("error").is_null())
    if kept.height:
        # Named by content: a move that was killed and starts again writes no second copy.
        name = f"{stable_id(sorted(kept['trace_id']))}.parquet"
        write_part(folder / "cache" / name, kept.match_to_schema(_SCHEMA))


def drop_from_cache(folder: Path) -> None:
    """Drop from the cache what the finished table holds; what it does not is kept for later."""
    paths = _paths(folder)
    if not paths:
        return
    held = pl.scan_parquet(sorted(folder.glob("part-*.parquet"))).select("trace_id")
    rest = (
        pl.scan_parquet(paths, schema=_SCHEMA)
        .join(held, on="trace_id", how="anti")
        .sort("trace_id", "response")  # the same row of several whatever the order of reading
        .unique("trace_id", keep="first", maintain_order=True)
        .collect()
    )
    if rest.height:
        write_part(folder / "cache" / _UNUSED, rest)
    for path in paths:
        if path.name != _UNUSED or not rest.height:
            path.unlink()


def _paths(folder: Path) -> list[Path]:
    paths = sorted((folder / "cache").glob("*.parquet"))
    return [path for path in paths if not path.name.startswith("damaged-") and is_sound(path)]
