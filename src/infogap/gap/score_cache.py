"""Store scored texts on disk, so that none is scored twice, and the progress of scoring.

A text's key is a hash of the model, the prompt and the text.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import polars as pl
from numpy.typing import NDArray

from infogap.atomic_files import disk_error, write_text
from infogap.generate.trace_files import read_journal
from infogap.runs.run_folder import Run, check_part, read_part, write_part
from infogap.schema import GAPS, Table
from infogap.teachers.scorer import Scored

TEXTS_PER_PART = 1_024
# Beside the tables' parts, as its content is not part of a run's results.
FOLDER = "cache"
_PROGRESS = "progress.json"
_PROGRESS_SECONDS = 2.0  # between two writes of the progress

SCORED = Table(
    "scored",
    "key",
    pl.Schema(
        {
            "key": pl.String(),
            "tokens": pl.List(pl.Int64),
            "logprobs": pl.List(pl.Float32),
            "offsets": pl.List(pl.Int64),
            "ranks": pl.List(pl.Int32),  # empty: the model gives none; null: scored before ranks were kept
        }
    ),
)
_BEFORE_RANKS = Table(
    SCORED.name, SCORED.key, pl.Schema({name: dtype for name, dtype in SCORED.schema.items() if name != "ranks"})
)


@dataclass(frozen=True)
class ScoredText:
    """A text's tokens, the log-probability of each (in nats), the character at which each begins, and its rank.

    `ranks` is None if the model gives none.
    """

    tokens: NDArray[np.int64]
    logprobs: NDArray[np.float32]
    offsets: NDArray[np.int64]
    ranks: NDArray[np.int32] | None = None


class ScoredStore:
    """A folder of scored texts: a journal of the latest ones, and Parquet parts of earlier ones.

    A text is in the journal as soon as it is scored. Only keys are held in memory.
    """

    def __init__(self, folder: Path) -> None:
        """Raise ExternalError if a part is damaged."""
        self._folder = folder
        self._journal = folder / "journal.jsonl"
        self._paths = sorted(folder.glob("part-*.parquet"))
        self._index = self._read_index()
        self._fresh: dict[str, dict[str, Any]] = dict(_rows(self._journal))

    @property
    def empty(self) -> bool:
        """True if no text is scored yet."""
        return not self._fresh and self._index.is_empty()

    def missing(self, keys: Iterable[str], ranked: Iterable[str] = ()) -> set[str]:
        """Return the keys whose texts have no score yet.

        Keys in `ranked` also count as missing if their texts were scored before ranks were kept.
        """
        wanted = set(keys)
        fresh, places = wanted & self._fresh.keys(), self._places(wanted)
        with_ranks = {key for key in fresh if self._fresh[key]["ranks"] is not None}.union(
            places.filter("ranked")["key"]
        )
        return (wanted - fresh.union(places["key"])) | (wanted.intersection(ranked) - with_ranks)

    def add(self, scored: Scored) -> None:
        """Store a scored text. Raises ExternalError if the disk refuses."""
        if scored.key in self._fresh:  # a journal holds a key once, as its first line counts
            self._close_part()
        row = {
            "tokens": list(scored.tokens),
            "logprobs": np.asarray(scored.logprobs, dtype=np.float32),
            "offsets": list(scored.offsets),
            "ranks": list(scored.ranks or ()),
        }
        line = orjson.dumps({"key": scored.key, **row}, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_APPEND_NEWLINE)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with self._journal.open("ab") as journal:
                journal.write(line)
        except OSError as error:
            raise disk_error(self._journal, error) from error
        self._fresh[scored.key] = row
        if len(self._fresh) >= TEXTS_PER_PART:
            self._close_part()

    def get(self, keys: Iterable[str]) -> dict[str, ScoredText]:
        """Read the scored texts of these keys, as far as there are any."""
        wanted = set(keys)
        texts = {key: _text(**self._fresh[key]) for key in wanted & self._fresh.keys()}
        places = self._places(wanted - texts.keys())
        for part in places["part"].unique().sort():  # if a text was scored again, the later score counts
            rows = _read(self._paths[part]).filter(pl.col("key").is_in(places["key"].implode()))
            texts |= {key: _text(*lists) for key, *lists in rows.iter_rows()}
        return texts

    def _places(self, keys: Iterable[str]) -> pl.DataFrame:
        return self._index.filter(pl.col("key").is_in(list(keys)))

    def _read_index(self) -> pl.DataFrame:
        parts = [_keys(path, number) for number, path in enumerate(self._paths)]
        return pl.concat([pl.DataFrame(schema={"key": pl.String, "part": pl.UInt32, "ranked": pl.Boolean}), *parts])

    def _close_part(self) -> None:
        """Write the journal's rows as a part. A kill in between leaves them in both, which is harmless."""
        number = len(self._paths)
        path = self._folder / f"part-{number:05d}.parquet"
        write_part(path, SCORED.frame([{"key": key} | _listed(row) for key, row in self._fresh.items()]))
        self._journal.unlink()
        self._paths.append(path)
        self._index = pl.concat([self._index, _keys(path, number)])
        self._fresh = {}


def _keys(path: Path, number: int) -> pl.DataFrame:
    part = pl.lit(number, dtype=pl.UInt32)
    return _read(path).select("key", part=part, ranked=pl.col("ranks").is_not_null())


def _read(path: Path) -> pl.DataFrame:
    check_part(path)
    if "ranks" in pl.read_parquet_schema(path):
        return read_part(path, SCORED)
    return read_part(path, _BEFORE_RANKS).with_columns(ranks=pl.lit(None, dtype=SCORED.schema["ranks"]))


def _rows(journal: Path) -> Iterable[tuple[str, dict[str, Any]]]:
    for key, row in read_journal(journal, "key").items():
        numbers = [math.nan if value is None else value for value in row["logprobs"]]  # JSON has no NaN
        yield str(key), {"ranks": None} | row | {"logprobs": np.asarray(numbers, dtype=np.float32)}


def _listed(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"logprobs": row["logprobs"].tolist()}


def _text(
    tokens: Sequence[int], logprobs: Sequence[float], offsets: Sequence[int], ranks: Sequence[int] | None
) -> ScoredText:
    return ScoredText(
        np.asarray(tokens, dtype=np.int64),
        np.asarray(logprobs, dtype=np.float32),
        np.asarray(offsets, dtype=np.int64),
        np.asarray(ranks, dtype=np.int32) if ranks else None,
    )


@contextmanager
def progress_on_disk(folder: Path, done: int, total: int) -> Iterator[Callable[[int], None]]:
    """Keep the number of scored traces on disk, for `infogap status` in another terminal, or after a stop.

    Yields a function that takes the number of further traces; `done` of `total` were scored before.
    """
    counted, written = done, 0.0

    def note() -> None:
        write_text(folder / _PROGRESS, orjson.dumps({"done": counted, "total": total}).decode() + "\n")

    def advance(traces: int) -> None:
        nonlocal counted, written
        counted += traces
        if time.monotonic() - written > _PROGRESS_SECONDS:
            written = time.monotonic()
            note()

    note()
    try:
        yield advance
    finally:
        note()


def scored_before(run: Run) -> tuple[int, str] | None:
    """Return the traces that an unfinished command has scored, and a sentence on the progress; None without one."""
    try:
        state = orjson.loads((run.path / GAPS.name / FOLDER / _PROGRESS).read_bytes())
        return state["done"], f"{state['done']:,} of {state['total']:,} traces are scored"
    except (OSError, ValueError, KeyError, TypeError):
        return None
