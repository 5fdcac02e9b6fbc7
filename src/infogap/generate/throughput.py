"""Measure how fast another process fills a traces folder, without writing, locking, or rereading what was counted."""

from __future__ import annotations

import time
from collections import Counter, deque
from dataclasses import dataclass, field
from pathlib import Path

import orjson
import polars as pl

from infogap.generate.trace_files import Rounds, part_number
from infogap.schema import NOTES

WINDOW = 60.0  # seconds over which rates are taken
_SHORTEST_WINDOW = 2.0  # seconds; before that a rate would be noise
_REASON_CHARACTERS = 200


@dataclass(frozen=True)
class Pace:
    """The progress of generation. Rates are those of the last minute, or of the `window` since reading began."""

    answered: int
    total: int  # of the rounds planned so far
    round: int
    teachers: dict[str, tuple[int, int]]  # of several: answered and total requests of each
    failures: dict[str, int]  # by reason, the most frequent first
    window: float  # seconds
    requests_per_second: float | None
    tokens_per_second: float | None  # completion tokens
    seconds_left: float | None
    last_answer: float | None  # as time.time()

    @property
    def failed(self) -> int:
        return sum(self.failures.values())


def progress_by_teacher(progress: dict[str, tuple[int, int]]) -> str:
    """Format the progress of several teachers: ` (small 30 of 40, large 0 of 40)`; empty for only one."""
    parts = [f"{name} {answered:,} of {total:,}" for name, (answered, total) in progress.items()]
    return f" ({', '.join(parts)})" if parts else ""


@dataclass
class _Tally:
    """The totals of one file."""

    rows: int = 0
    tokens: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    teachers: Counter[str] = field(default_factory=Counter)
    offset: int = 0  # of a journal: the bytes read so far

    def add(self, teacher: str, error: str | None, tokens: int | None, rows: int = 1) -> None:
        self.rows += rows
        self.teachers[teacher] += rows
        self.tokens += tokens or 0
        if error is not None:
            self.failures[error[:_REASON_CHARACTERS]] += rows


_Version = tuple[int, int]  # inode and, of a part, the time of its last change; a journal stays the same as it grows


class PaceReader:
    """Reads a traces folder, and the notes beside it, repeatedly while another process fills them."""

    def __init__(self, folder: Path) -> None:
        self._folders = (folder, folder.with_name(NOTES.name))
        self._tallies: dict[Path, tuple[_Version, _Tally]] = {}
        self._samples: deque[tuple[float, int, int]] = deque()  # monotonic time, answered, tokens

    def read(self) -> Pace | None:
        """Return the current pace; None if nothing is planned."""
        rounds, waves = map(Rounds.read, self._folders)
        if not rounds.totals:
            self._tallies, self._samples = {}, deque()
            return None
        last_answer = self._count()
        tallies = [tally for _, tally in self._tallies.values()]
        answered, tokens = sum(tally.rows for tally in tallies), sum(tally.tokens for tally in tallies)
        failures = sum((tally.failures for tally in tallies), Counter[str]())
        by_teacher = sum((tally.teachers for tally in tallies), Counter[str]())
        window, requests_per_second, tokens_per_second = self._rates(time.monotonic(), answered, tokens)
        total = sum(rounds.totals) + sum(waves.totals)
        totals_by_teacher = Counter(rounds.totals_by_teacher)
        totals_by_teacher.update(waves.totals_by_teacher)
        return Pace(
            answered=answered,
            total=total,
            round=len(rounds.totals) - 1,
            teachers={name: (by_teacher[name], total) for name, total in totals_by_teacher.items()},
            failures=dict(failures.most_common()),
            window=window,
            requests_per_second=requests_per_second,
            tokens_per_second=tokens_per_second,
            seconds_left=max(total - answered, 0) / requests_per_second if requests_per_second else None,
            last_answer=last_answer,
        )

    def _count(self) -> float | None:
        """Update the tallies; return the time of the last answer."""
        files = self._files()
        if any((path.parent, part_number(path)) not in files for path in self._tallies):
            # A journal that became a part while the folder was listed is in neither list, but is in the second listing.
            files = self._files()
        tallies, last_answer = {}, None
        for path in files.values():
            try:
                status = path.stat()
                journal = path.suffix == ".jsonl"
                version = (status.st_ino, 0 if journal else status.st_mtime_ns)
                known, tally = self._tallies.get(path, (None, _Tally()))
                if known != version or (journal and status.st_size < tally.offset):
                    tally = _Tally() if journal else _of_part(path)
                if journal:
                    _read_on(path, tally)
            except (OSError, pl.exceptions.PolarsError):
                continue  # just removed, or damaged, which the commands that read the run's data report
            tallies[path] = (version, tally)
            if tally.rows:
                last_answer = max(last_answer or 0.0, status.st_mtime)
        self._tallies = tallies
        return last_answer

    def _files(self) -> dict[tuple[Path, int], Path]:
        """Return the file of every block by its folder and number: the part, or else the journal."""
        files: dict[tuple[Path, int], Path] = {}
        for folder in self._folders:
            for pattern in ("journal-*.jsonl", "part-*.parquet"):
                files |= {(folder, part_number(path)): path for path in folder.glob(pattern)}
        return files

    def _rates(self, now: float, answered: int, tokens: int) -> tuple[float, float | None, float | None]:
        if self._samples and answered < self._samples[-1][1]:
            self._samples.clear()  # requests are sent again
        self._samples.append((now, answered, tokens))
        while len(self._samples) > 2 and now - self._samples[1][0] >= WINDOW:
            self._samples.popleft()
        then, answered_then, tokens_then = self._samples[0]
        window = now - then
        if window < _SHORTEST_WINDOW:
            return window, None, None
        return window, (answered - answered_then) / window, max(tokens - tokens_then, 0) / window


def _of_part(path: Path) -> _Tally:
    tally = _Tally()
    counts = pl.read_parquet(path, columns=["teacher", "error", "completion_tokens"]).group_by("teacher", "error")
    for teacher, error, tokens, rows in counts.agg(pl.col("completion_tokens").sum(), pl.len()).iter_rows():
        tally.add(teacher, error, tokens, rows)
    return tally


def _read_on(path: Path, tally: _Tally) -> None:
    """Count the lines that were added to a journal; the last one may be incomplete."""
    with path.open("rb") as journal:
        journal.seek(tally.offset)
        for line in journal:
            if not line.endswith(b"\n"):
                return
            tally.offset += len(line)
            try:
                row = orjson.loads(line)
                tally.add(row["teacher"], row["error"], row["completion_tokens"])
            except (orjson.JSONDecodeError, KeyError):
                continue  # its request is sent again
