"""Store completions as they arrive, so that no finished request is lost or sent again.

The requests of a round form blocks of fixed size. A completion is appended to its block's journal (one JSON line) at
once. A whole block becomes a Parquet part, in the plan's order, and its journal is removed. So the parts have the same
bytes in whatever order answers arrive and however often the run is killed, and a kill loses only requests in flight.
Each round continues the numbers of the parts before it.

If a round's plan has changed, its rows and those of later rounds move to the cache, where new plans find the answers
that they request again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import orjson
import polars as pl

from infogap.atomic_files import disk_error
from infogap.generate.trace_cache import Cache, lend_cache, set_aside
from infogap.generate.trace_files import (
    Rounds,
    Row,
    is_sound,
    part_number,
    part_path,
    read_journal,
    tokens_path,
    write_rows,
)
from infogap.runs.run_folder import ROWS_PER_PART
from infogap.schema import NOTES, TRACES
from infogap.verify.round_verdicts import drop_round_verdicts, round_verdicts_path

_INDEX = "index"


class TraceStore:
    """A traces folder while one round is filled; the round's plan has `total` requests and is identified by `key`."""

    def __init__(
        self,
        folder: Path,
        key: str,
        total: int,
        *,
        round_: int = 0,
        with_tokens: bool = False,
        by_teacher: dict[str, int] | None = None,
        block: int = ROWS_PER_PART,
    ) -> None:
        """`with_tokens`: completions have their tokens' log-probabilities, which go to the tokens table.

        `by_teacher`: the number of requests for each of several teachers.
        """
        self._folder = folder
        # What batches gave is in the cache of the traces, notes included.
        self._caches = [folder, folder.with_name(TRACES.name)] if folder.name == NOTES.name else [folder]
        self._total = total
        self._block = block
        self._with_tokens = with_tokens
        folder.mkdir(parents=True, exist_ok=True)
        rounds = Rounds.read(folder)
        if not rounds.holds(round_, key, total, block):
            move_to_cache(folder, rounds.first_part(round_) if rounds.block == block else 0)
            rounds = rounds.with_round(round_, key, total, block, by_teacher)
            rounds.write(folder)
        self._first = rounds.first_part(round_)
        numbers = range(self._first, self._first + len(self.blocks))
        self._whole = {number - self._first for number in numbers if self._is_whole_on_disk(number)}
        self._open: dict[int, dict[int, Row]] = {}
        self._cache: Cache | None = None
        for number in set(self.blocks) - self._whole:
            self._open[number] = read_journal(self._journal(number), _INDEX)
            self._close_if_whole(number)
        for number in self._whole:  # left by a kill between the part's rename and this
            self._journal(number).unlink(missing_ok=True)
        if total == 0 and round_ == 0:
            write_rows(folder, 0, [], with_tokens=with_tokens)

    @property
    def blocks(self) -> range:
        """The numbers of the round's blocks."""
        return range(-(-self._total // self._block))

    @property
    def done(self) -> int:
        """The number of the round's requests that are answered on disk."""
        return sum(self._size(number) for number in self._whole) + sum(map(len, self._open.values()))

    @property
    def complete(self) -> bool:
        return self.done == self._total

    def done_of(self, indices: range) -> int:
        """Count the requests with these indices that are answered on disk."""
        whole = sum(
            len(range(max(indices.start, number * self._block), min(indices.stop, (number + 1) * self._block)))
            for number in self._whole
        )
        return whole + sum(index in indices for rows in self._open.values() for index in rows)

    def has(self, index: int) -> bool:
        """Return True if the request at `index` of the plan is answered on disk."""
        number = index // self._block
        return number in self._whole or index in self._open.get(number, {})

    def is_whole(self, number: int) -> bool:
        return number in self._whole

    def block_of(self, index: int) -> int:
        return index // self._block

    def add(self, index: int, row: Row) -> None:
        """Store the row of the request at `index`; it is on disk when this returns.

        A row has the columns of the traces table and, if tokens are recorded, `logprobs` and `entropies`.
        """
        number = index // self._block
        line = orjson.dumps({_INDEX: index, **row}, option=orjson.OPT_SERIALIZE_NUMPY) + b"\n"
        path = self._journal(number)
        try:
            with path.open("ab", buffering=0) as journal:
                journal.write(line)
        except OSError as error:
            raise disk_error(path, error) from error
        self._open.setdefault(number, {})[index] = row
        self._close_if_whole(number)

    def cached(self, trace_ids: Iterable[str], *, with_tokens: bool | None = None) -> dict[str, Row]:
        """Return rows of earlier plans by id; `with_tokens`: only rows with tokens (default: the store's setting)."""
        if self._cache is None:
            self._cache = Cache(*self._caches)
        return self._cache.rows(trace_ids, with_tokens=self._with_tokens if with_tokens is None else with_tokens)

    def reread_cache(self) -> None:
        """Let `cached` return rows that were added to the cache since it was first called."""
        self._cache = None

    def _close_if_whole(self, number: int) -> None:
        rows = self._open.get(number, {})
        if len(rows) < self._size(number):
            return
        ordered = [rows[index] for index in sorted(rows)]
        round_verdicts_path(part_path(self._folder, self._first + number)).unlink(missing_ok=True)
        write_rows(self._folder, self._first + number, ordered, with_tokens=self._with_tokens)
        self._journal(number).unlink(missing_ok=True)
        self._whole.add(number)
        self._open.pop(number, None)

    def _is_whole_on_disk(self, number: int) -> bool:
        paths = [part_path(self._folder, number)]
        if self._with_tokens:
            paths.append(tokens_path(self._folder, number))
        return all(path.is_file() and is_sound(path) for path in paths)

    def _size(self, number: int) -> int:
        return min(self._block, self._total - number * self._block)

    def _journal(self, number: int) -> Path:
        return self._folder / f"journal-{self._first + number:05d}.jsonl"


def answered(folder: Path) -> tuple[int, int] | None:
    """Count the answered and the planned requests in a traces folder; None if nothing was begun."""
    rounds = Rounds.read(folder)
    if not rounds.totals:
        return None
    whole = {part_number(path) for path in folder.glob("part-*.parquet")}
    journals = [path for path in folder.glob("journal-*.jsonl") if part_number(path) not in whole]
    rows = sum(rounds.rows_of(number) for number in whole)
    return rows + sum(map(_lines, journals)), sum(rounds.totals)


def _lines(path: Path) -> int:
    try:
        return path.read_bytes().count(b"\n")
    except FileNotFoundError:  # another process has turned it into a part since the folder was listed
        return 0


def round_parts(folder: Path, round_: int) -> list[Path]:
    """Return the parts of a complete round, in order."""
    rounds = Rounds.read(folder)
    return [part_path(folder, number) for number in range(rounds.first_part(round_), rounds.first_part(round_ + 1))]


@dataclass
class Answers:
    """The number of one teacher's answers on disk, and of the failed requests among them."""

    answered: int = 0
    failed: int = 0

    @property
    def only_failures(self) -> bool:
        return 0 < self.answered == self.failed


def answers_by_teacher(folder: Path, round_: int | None = None) -> dict[str, Answers]:
    """Count the answers in a traces folder by teacher; with `round_`, only those of this complete round."""
    paths = [path for path in sorted(folder.glob("part-*.parquet")) if is_sound(path)]
    journals = [] if round_ is not None else sorted(folder.glob("journal-*.jsonl"))
    if round_ is not None:
        paths = round_parts(folder, round_)
    by_teacher: dict[str, Answers] = {}
    for path in paths:
        part = pl.read_parquet(path, columns=["teacher", "error"])
        counts = part.group_by("teacher").agg(pl.len(), pl.col("error").count().alias("failed"))
        for teacher, rows, failed in counts.sort("teacher").iter_rows():
            answers = by_teacher.setdefault(teacher, Answers())
            answers.answered += rows
            answers.failed += failed
    for journal in journals:
        for row in read_journal(journal, _INDEX).values():
            answers = by_teacher.setdefault(row["teacher"], Answers())
            answers.answered += 1
            answers.failed += row["error"] is not None
    return by_teacher


def failed_teachers(folder: Path, round_: int | None = None) -> list[str]:
    """Return the teachers whose every request so far, or in a complete round, has failed."""
    return [name for name, answers in answers_by_teacher(folder, round_).items() if answers.only_failures]


def failures(folder: Path) -> int:
    """Count the failed requests in a traces folder."""
    return sum(answers.failed for answers in answers_by_teacher(folder).values())


def keep_rounds(folder: Path, count: int) -> int:
    """Move everything after the first `count` rounds to the cache: the recipe or the verdicts now need fewer rounds.

    Returns the number of requests in the rounds that were moved.
    """
    rounds = Rounds.read(folder)
    if len(rounds.totals) > count:
        move_to_cache(folder, rounds.first_part(count))
        rounds.until(count).write(folder)
    return sum(rounds.totals[count:])


def move_to_cache(folder: Path, from_part: int = 0) -> None:
    """Move the traces of a folder, from a part on, to the cache, except failed requests, which will be sent again."""
    parts = [path for path in sorted(folder.glob("part-*.parquet")) if part_number(path) >= from_part]
    journals = [path for path in sorted(folder.glob("journal-*.jsonl")) if part_number(path) >= from_part]
    for path in parts:
        set_aside(folder, path)
    for path in journals:
        set_aside(folder, path, list(read_journal(path, _INDEX).values()))
    # Tokens and verdicts, also those of parts that are missing: damaged, or not written yet when the run was killed.
    # They are removed last: a move that is killed and repeated needs the tokens of the parts that are left.
    first = part_path(folder, from_part)
    folders = (tokens_path(folder, from_part).parent, round_verdicts_path(first).parent)
    beside = [path for each in folders for path in each.glob("part-*.parquet") if part_number(path) >= from_part]
    everything = [Rounds.path(folder)] if from_part == 0 else []
    for path in [folder / "manifest.json", *parts, *journals, *beside, *everything]:
        path.unlink(missing_ok=True)
    if from_part == 0:
        drop_round_verdicts(folder)


def lend_traces(folder: Path, to: Path) -> None:
    """Add all answered requests of a traces folder, finished or not, and its cache to the cache of another."""
    for path in sorted(folder.glob("part-*.parquet")):
        set_aside(folder, path, to=to)
    for path in sorted(folder.glob("journal-*.jsonl")):
        set_aside(folder, path, list(read_journal(path, _INDEX).values()), to=to)
    lend_cache(folder, to)
