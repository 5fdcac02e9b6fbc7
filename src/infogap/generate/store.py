"""Where completions are kept as they arrive: nothing finished is ever lost or asked for again.

The plan's requests are cut into blocks of fixed size. A completion is appended at once to its block's
journal (one JSON line); when a block is whole it becomes a Parquet part, in the plan's order, and the
journal goes. So the parts are the same bytes whatever the order of arrival and however often the run
was killed, and a kill loses at most what was in flight.

Where the plan has changed, the rows on disk move to `cache/`, and those that the new plan asks for
again are taken from there.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from infogap.atomic import disk_error, write_text
from infogap.console import detail, say
from infogap.errors import WorldError
from infogap.ids import stable_id
from infogap.run import ROWS_PER_PART, check_part, write_part
from infogap.schema import TRACES

_PLAN = "plan.json"
_INDEX = "index"
Row = dict[str, Any]


class TraceStore:
    """The traces folder while it is being filled, for a plan of `total` requests known by `key`."""

    def __init__(self, folder: Path, key: str, total: int, block: int = ROWS_PER_PART) -> None:
        self._folder = folder
        self._total = total
        self._block = block
        folder.mkdir(parents=True, exist_ok=True)
        if _read_plan(folder) != {"key": key, "total": total, "block": block}:
            move_to_cache(folder)
            write_text(folder / _PLAN, orjson.dumps({"key": key, "total": total, "block": block}).decode())
        self._whole = {_number(path) for path in sorted(folder.glob("part-*.parquet")) if _is_sound(path)}
        self._open: dict[int, dict[int, Row]] = {}
        for path in folder.glob("journal-*.jsonl"):
            number = _number(path)
            if number in self._whole:  # killed between the part's rename and the journal's removal
                path.unlink()
            else:
                self._open[number] = _read_journal(path)
        for number in list(self._open):
            self._close_if_whole(number)
        if total == 0 and not self._whole:
            write_part(self._folder / "part-00000.parquet", TRACES.empty())

    @property
    def blocks(self) -> range:
        """The numbers of all blocks."""
        return range(-(-self._total // self._block))

    @property
    def done(self) -> int:
        """How many requests are answered on disk."""
        return sum(self._size(number) for number in self._whole) + sum(map(len, self._open.values()))

    def has(self, index: int) -> bool:
        """Whether the request at `index` of the plan is answered on disk."""
        number = index // self._block
        return number in self._whole or index in self._open.get(number, {})

    def is_whole(self, number: int) -> bool:
        return number in self._whole

    def block_of(self, index: int) -> int:
        return index // self._block

    def add(self, index: int, row: Row) -> None:
        """Keep the row (the traces table's columns) of the request at `index`; on disk when this returns."""
        number = index // self._block
        line = orjson.dumps({_INDEX: index, **row}) + b"\n"
        path = self._journal(number)
        try:
            with path.open("ab", buffering=0) as journal:
                journal.write(line)
        except OSError as error:
            raise disk_error(path, error) from error
        self._open.setdefault(number, {})[index] = row
        self._close_if_whole(number)

    def cached(self, trace_ids: Iterable[str]) -> dict[str, Row]:
        """Rows of earlier plans with these ids."""
        paths = self._cache()
        if not paths:
            return {}
        wanted = pl.Series(list(trace_ids), dtype=pl.String).implode()
        rows = pl.scan_parquet(paths, schema=TRACES.schema)
        found = rows.filter(pl.col("trace_id").is_in(wanted)).collect()
        return {row["trace_id"]: row for row in found.iter_rows(named=True)}

    def finish(self) -> None:
        """Drop from the cache what the finished plan holds; what it does not is kept for later."""
        cache = self._folder / "cache"
        paths = self._cache()
        if not paths:
            return
        held = pl.scan_parquet(sorted(self._folder.glob("part-*.parquet"))).select("trace_id")
        rest = (
            pl.scan_parquet(paths, schema=TRACES.schema)
            .join(held, on="trace_id", how="anti")
            .sort("trace_id", "response")  # the same row of several whatever the order of reading
            .unique("trace_id", keep="first", maintain_order=True)
            .collect()
        )
        if rest.height:
            write_part(cache / "unused.parquet", rest)
        for path in paths:
            if path.name != "unused.parquet" or not rest.height:
                path.unlink()

    def _cache(self) -> list[Path]:
        paths = sorted((self._folder / "cache").glob("*.parquet"))
        return [path for path in paths if not path.name.startswith("damaged-") and _is_sound(path)]

    def _close_if_whole(self, number: int) -> None:
        rows = self._open.get(number, {})
        if len(rows) < self._size(number):
            return
        ordered = [rows[index] for index in sorted(rows)]
        write_part(self._folder / f"part-{number:05d}.parquet", TRACES.frame(ordered))
        self._journal(number).unlink(missing_ok=True)
        self._whole.add(number)
        self._open.pop(number, None)

    def _size(self, number: int) -> int:
        return min(self._block, self._total - number * self._block)

    def _journal(self, number: int) -> Path:
        return self._folder / f"journal-{number:05d}.jsonl"


def answered(folder: Path) -> tuple[int, int] | None:
    """How many requests of how many are answered in a traces folder; None where nothing was begun."""
    plan = _read_plan(folder)
    if plan is None:
        return None
    paths = sorted(folder.glob("part-*.parquet"))
    whole = {_number(path) for path in paths}
    rows = sum(min(plan["block"], plan["total"] - number * plan["block"]) for number in whole)
    journals = [path for path in folder.glob("journal-*.jsonl") if _number(path) not in whole]
    return rows + sum(path.read_bytes().count(b"\n") for path in journals), plan["total"]


def move_to_cache(folder: Path) -> None:
    """Set aside every trace in a traces folder; failed requests are forgotten, so that they are asked again."""
    cache = folder / "cache"
    parts = sorted(folder.glob("part-*.parquet"))
    journals = sorted(folder.glob("journal-*.jsonl"))
    for path in parts:
        if _is_sound(path):
            _set_aside(pl.read_parquet(path), cache)
    for path in journals:
        _set_aside(TRACES.frame(list(_read_journal(path).values())), cache)
    for path in [*parts, *journals, folder / _PLAN, folder / "manifest.json"]:
        path.unlink(missing_ok=True)


def failures(folder: Path) -> int:
    """How many requests in a traces folder have failed."""
    parts = [pl.read_parquet(path, columns=["error"]) for path in folder.glob("part-*.parquet") if _is_sound(path)]
    journals = [_read_journal(path) for path in folder.glob("journal-*.jsonl")]
    in_parts = sum(part.height - part["error"].null_count() for part in parts)
    return in_parts + sum(row["error"] is not None for rows in journals for row in rows.values())


def _is_sound(path: Path) -> bool:
    """Whether a part can be read. One that cannot is renamed, so that its requests are asked again."""
    try:
        check_part(path)
    except WorldError as error:
        say(f"{error}; it is set aside as damaged-{path.name}, and its requests are asked again", style="yellow")
        path.rename(path.with_name(f"damaged-{path.name}"))
        return False
    return True


def _set_aside(rows: pl.DataFrame, cache: Path) -> None:
    answered_rows = rows.filter(pl.col("error").is_null())
    if answered_rows.height:
        # Named by content: a move that was killed and starts again writes no second copy.
        write_part(cache / f"{stable_id(sorted(answered_rows['trace_id']))}.parquet", answered_rows)


def _read_plan(folder: Path) -> dict[str, Any] | None:
    try:
        plan: dict[str, Any] = orjson.loads((folder / _PLAN).read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return None
    return plan


def _read_journal(path: Path) -> dict[int, Row]:
    """The rows of a journal by index; a line torn by a kill is cut off."""
    content = path.read_bytes()
    kept = content[: content.rfind(b"\n") + 1]
    if len(kept) < len(content):
        with path.open("rb+") as journal:
            journal.truncate(len(kept))
    rows: dict[int, Row] = {}
    for line in kept.splitlines():
        try:
            row = orjson.loads(line)
        except orjson.JSONDecodeError:
            detail(f"{path}: an unreadable line; its request is asked again")
            continue
        rows.setdefault(row.pop(_INDEX), row)
    return rows


def _number(path: Path) -> int:
    return int(path.stem.rpartition("-")[2])
