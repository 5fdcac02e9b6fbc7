"""Show the progress of a stage on stderr: a bar with rate and time left, or lines where there is no terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from infogap.console import output, stderr

_WIDE = 104  # columns that a bar, all rates and the time fit into
_LOG_EVERY = 15.0  # seconds between lines if there is no terminal for a bar

Advance = Callable[..., None]
"""`advance(n=1, **extra)`: n more are done; `extra` adds to running totals shown beside them, such as tokens=123."""


@contextmanager
def progress(what: str, total: int, unit: str, done: int = 0) -> Iterator[Advance]:
    """Show progress, rate and time left while a stage works; `done` of `total` were finished before.

    Draws a bar on a terminal, elsewhere prints a line every 15 seconds; nothing under --quiet or if `total` is 0.
    """
    if output.quiet or total == 0:
        yield lambda _n=1, **_extra: None
    elif sys.stderr.isatty() and not stderr().is_dumb_terminal:
        with _bar(what, total, unit, done) as advance:
            yield advance
    else:
        with _log(what, total, unit, done) as advance:
            yield advance


@contextmanager
def _bar(what: str, total: int, unit: str, done: int) -> Iterator[Advance]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn, TimeElapsedColumn

    console = stderr()
    wide = console.width >= _WIDE
    started = time.monotonic()
    finished, totals = done, dict[str, int]()
    columns: list[ProgressColumn] = [
        TextColumn("{task.description:<9}"),
        BarColumn(bar_width=24 if wide else 8),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
    ]
    with Progress(*columns, *([TimeElapsedColumn()] if wide else []), console=console) as bar:
        task = bar.add_task(what, total=total, completed=done, rate=unit)

        def advance(n: int = 1, **extra: int) -> None:
            nonlocal finished
            finished += n
            for name, amount in extra.items():
                totals[name] = totals.get(name, 0) + amount
            rate = _rate(finished, done, total, unit, totals, time.monotonic() - started)
            bar.update(task, completed=finished, rate=rate)

        yield advance


@contextmanager
def _log(what: str, total: int, unit: str, done: int) -> Iterator[Advance]:
    started = last = time.monotonic()
    finished, totals = done, dict[str, int]()

    def line(now: float) -> None:
        rate = _rate(finished, done, total, unit, totals, now - started)
        stderr().print(f"{what:<9} {finished:,}/{total:,} {rate}", markup=False)

    def advance(n: int = 1, **extra: int) -> None:
        nonlocal finished, last
        finished += n
        for name, amount in extra.items():
            totals[name] = totals.get(name, 0) + amount
        now = time.monotonic()
        if now - last >= _LOG_EVERY:
            last = now
            line(now)

    yield advance
    line(time.monotonic())


def _rate(finished: int, before: int, total: int, unit: str, totals: dict[str, int], seconds: float) -> str:
    """Format `12.3 traces/s, 140 tokens/s, 0:42 left`; work done before the stage began does not count."""
    if seconds <= 0 or finished == before:
        return unit
    speed = (finished - before) / seconds
    parts = [f"{figure(speed)} {unit}/s"]
    parts += [f"{figure(amount / seconds)} {name}/s" for name, amount in totals.items()]
    if finished < total:
        left = int((total - finished) / speed)
        parts.append(f"{left // 3600}:{left % 3600 // 60:02d}:{left % 60:02d} left")
    return ", ".join(parts)


def figure(number: float) -> str:
    """Format a number in few digits: 12.3, 1,234."""
    return f"{number:,.0f}" if number >= 100 else f"{number:.1f}"
