"""The cache of traces that the current plan does not request: a later plan may request them again."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from infogap.generate.trace_files import Row, is_sound, with_their_tokens
from infogap.ids import stable_id
from infogap.runs.run_folder import write_part
from infogap.schema import TOKENS, TRACES

_SCHEMA = pl.Schema({**TRACES.schema, "logprobs": TOKENS.schema["logprobs"], "entropies": TOKENS.schema["entropies"]})
_NO_HASHES: NDArray[np.uint64] = np.empty(0, dtype=np.uint64)


class Cache:
    """The caches of some traces folders as they are on disk now. Only hashes of their ids are held in memory."""

    def __init__(self, *folders: Path) -> None:
        self._paths = [path for folder in folders for path in _paths(folder)]
        hashes = _hashes(self._paths)
        files = np.repeat(np.arange(len(hashes)), [len(each) for each in hashes])
        order = np.argsort(np.concatenate([_NO_HASHES, *hashes]), kind="stable")
        self._hashes = np.concatenate([_NO_HASHES, *hashes])[order]
        self._files = files[order]

    def rows(self, trace_ids: Iterable[str], *, with_tokens: bool) -> dict[str, Row]:
        """Read the rows with these ids, by id, from only the files that hold them.

        `with_tokens`: return only rows whose tokens were recorded, and include these.
        """
        wanted = pl.Series(list(trace_ids), dtype=pl.String)
        hashes = wanted.hash().to_numpy()
        starts, ends = (np.searchsorted(self._hashes, hashes, side) for side in ("left", "right"))
        places = [self._files[start:end] for start, end in zip(starts, ends, strict=True) if start < end]
        rows_by_id: dict[str, Row] = {}
        for file in sorted(set(np.concatenate(places).tolist())) if places else []:
            rows = pl.scan_parquet(self._paths[file], schema=_SCHEMA).filter(pl.col("trace_id").is_in(wanted.implode()))
            recorded = pl.col("logprobs").is_not_null()
            rows = rows.filter(recorded) if with_tokens else rows.select(TRACES.schema.names())
            rows_by_id |= {row["trace_id"]: row for row in rows.collect().iter_rows(named=True)}
        return rows_by_id


def set_aside(folder: Path, path: Path, rows: list[Row] | None = None, to: Path | None = None) -> None:
    """Add the rows of a part, or of a journal, to the cache (of the folder `to`), except failed requests."""
    if rows is not None:
        frame = pl.DataFrame([dict.fromkeys(_SCHEMA) | row for row in rows], schema=_SCHEMA)
    elif is_sound(path):
        frame = with_their_tokens(folder, path)
    else:
        return
    _keep(to or folder, frame.filter(pl.col("error").is_null()))


def keep_rows(folder: Path, rows: list[Row]) -> None:
    """Add answers to the cache of a folder: rows with the columns of the answers, without those of a plan."""
    _keep(folder, pl.DataFrame([dict.fromkeys(_SCHEMA) | row for row in rows], schema=_SCHEMA))


def lend_cache(folder: Path, to: Path) -> None:
    """Add the rows of a folder's cache to that of another."""
    for path in _paths(folder):
        _keep(to, pl.read_parquet(path))


def drop_from_cache(folder: Path, others: Iterable[Path] = ()) -> None:
    """Drop from the cache duplicates and rows that the finished table holds; keep the rest for later.

    Rows in the tables of `others`, further traces folders, are dropped too.

    Reads one file at a time, so that only its texts are in memory. Traces are distinguished by 64-bit hashes of their
    ids: of ten million, two collide with a probability of 1 in 400,000, and one of them is then requested again.
    """
    paths = _paths(folder)
    if not paths:
        return
    hashes = _hashes(paths)
    everything = np.concatenate(hashes)
    _, first = np.unique(everything, return_index=True)
    kept = np.zeros(len(everything), dtype=np.bool_)
    kept[first] = True
    parts = [path for each in (folder, *others) for path in sorted(each.glob("part-*.parquet"))]
    kept &= ~np.isin(everything, np.concatenate([_NO_HASHES, *_hashes(parts)]))
    ends = np.cumsum([len(each) for each in hashes])
    for path, end, count in zip(paths, ends, map(len, hashes), strict=True):
        rest = kept[end - count : end]
        if rest.all() and count:
            continue
        written = _keep(folder, pl.read_parquet(path).filter(pl.Series(rest))) if rest.any() else None
        if written != path:
            path.unlink()


def _hashes(paths: Iterable[Path]) -> list[NDArray[np.uint64]]:
    """Hash the trace ids of each file."""
    return [pl.read_parquet(path, columns=["trace_id"])["trace_id"].hash().to_numpy() for path in paths]


def _keep(folder: Path, rows: pl.DataFrame) -> Path | None:
    """Write rows to the cache, in a file named by its content, so that repeating a killed move writes no copy."""
    if rows.is_empty():
        return None
    path = folder / "cache" / f"{stable_id(sorted(rows['trace_id']))}.parquet"
    write_part(path, rows.match_to_schema(_SCHEMA))
    return path


def _paths(folder: Path) -> list[Path]:
    paths = sorted((folder / "cache").glob("*.parquet"))
    return [path for path in paths if not path.name.startswith("damaged-") and is_sound(path)]
