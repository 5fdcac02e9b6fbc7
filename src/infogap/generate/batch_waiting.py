"""Wait for batches: growing pauses, which Ctrl-C ends, and lines that say how far the batches are."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from infogap.console import say
from infogap.generate.batch_records import BatchFolder, BatchRecord
from infogap.interrupts import Stopping

FIRST_WAIT = 5.0  # seconds between the first two looks at a batch; half as long again after each
LONGEST_WAIT = 300.0
_SLICE = 0.2  # seconds after which Ctrl-C is noticed
_LINE_EVERY = 600.0  # seconds between lines about a batch whose status stays the same
_SHOWN = 3  # batches in a sentence


class Waiting:
    """The wait of one command for the batches of one teacher."""

    def __init__(self, stop: Stopping) -> None:
        self._stop = stop
        self._next = FIRST_WAIT
        self._lines: dict[str, tuple[str | None, float]] = {}  # status and time of the last line, by batch

    def begin_again(self) -> None:
        """Return to short pauses: new batches were submitted."""
        self._next = FIRST_WAIT

    def pause(self) -> bool:
        """Wait before the next look; return False if Ctrl-C was pressed meanwhile."""
        until = time.monotonic() + self._next
        self._next = min(1.5 * self._next, LONGEST_WAIT)
        while not self._stop.asked and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, _SLICE))
        return not self._stop.asked

    def report(self, record: BatchRecord) -> None:
        """Print a line on a batch if its status has changed, or the last line is some minutes old."""
        status, now = record.status, time.monotonic()
        last_status, last_time = self._lines.get(record.name, (None, now - _LINE_EVERY))
        if status == last_status and now - last_time < _LINE_EVERY:
            return
        self._lines[record.name] = (status, now)
        say(f"batch {record.batch_id}: {_counts(record)}, {status}, submitted {_clock(record)} ago")


def in_flight_in_words(folder: BatchFolder) -> str:
    """Say which batches are in flight, how far they were when last looked at, and since when; empty if there are none.

    `2 batches in flight: batch_a (120 of 500 answered, in_progress, since 2026-11-30 14:05 UTC), ...`
    """
    records = folder.in_flight()
    if not records:
        return ""
    parts = [
        f"{record.batch_id or record.name} ({_counts(record)}, {record.status or 'not created yet'}, since "
        f"{datetime.fromtimestamp(record.submitted_at or record.written_at, UTC):%Y-%m-%d %H:%M} UTC)"
        for record in records[:_SHOWN]
    ]
    more = f" and {len(records) - _SHOWN} more" if len(records) > _SHOWN else ""
    return f"{len(records)} {'batch' if len(records) == 1 else 'batches'} in flight: {', '.join(parts)}{more}"


def _counts(record: BatchRecord) -> str:
    failed = f", {record.failed:,} failed" if record.failed else ""
    return f"{record.completed or 0:,} of {record.requests:,} answered{failed}"


def _clock(record: BatchRecord) -> str:
    seconds = int(max(time.time() - (record.submitted_at or record.written_at), 0))
    return f"{seconds // 3600}:{seconds % 3600 // 60:02d}:{seconds % 60:02d}"
