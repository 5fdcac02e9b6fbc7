"""Collect cyclic garbage rarely while a command starts: nearly all that it makes then are modules, which stay."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_WHILE_STARTING = 50_000  # new objects between two collections, instead of Python's 700
_usual: list[tuple[int, int, int]] = []


@contextmanager
def starting() -> Iterator[None]:
    """Collect rarely until `started`, or the block's end."""
    _usual.append(gc.get_threshold())
    gc.set_threshold(_WHILE_STARTING, *_usual[0][1:])
    try:
        yield
    finally:
        started()


def started() -> None:
    """Collect as usual from now on. Nothing changes outside `starting`, as in a program of the user's own."""
    if _usual:
        gc.set_threshold(*_usual[0])
        _usual.clear()
