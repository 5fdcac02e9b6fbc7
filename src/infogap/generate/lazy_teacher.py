"""A teacher that is opened when there is something to ask: loading a model takes minutes, a look at the disk none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from infogap.runs.run_folder import Run
from infogap.teachers import Teacher, open_teacher


@contextmanager
def on_demand(run: Run) -> Iterator[Callable[[], Teacher]]:
    """Gives a function that opens the run's teacher at its first call; the teacher is closed at the block's end."""
    opened: list[Teacher] = []

    def teacher() -> Teacher:
        if not opened:
            opened.append(open_teacher(run))
        return opened[0]

    try:
        yield teacher
    finally:
        for each in opened:
            each.close()
