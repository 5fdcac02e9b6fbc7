"""The errors that infogap raises, each with the exit code of the command that it ends.

| code | meaning |
| --- | --- |
| 0 | done, or stopped early on purpose (Ctrl-C, a budget, no wait): the same command continues from there |
| 2 | the input is wrong: a recipe, an option, a data file |
| 3 | an external service or the disk failed: a server, the Hub |
| 4 | done, but short of the target that the recipe states |
| 130 | stopped at once by a second Ctrl-C, or by the first if nothing was in flight |
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class InfogapError(Exception):
    """A failure that a person can act on: `str()` is one clear message, without a traceback."""

    exit_code = 1


class InputError(InfogapError, ValueError):
    """The recipe, an argument or a data file is wrong. Also a ValueError."""

    exit_code = 2


class ExternalError(InfogapError, OSError):
    """A server, the disk or the Hub failed; the same call or command continues the work. Also an OSError."""

    exit_code = 3


class ShortfallError(InfogapError):
    """The work is done, but short of what the recipe asks for."""

    exit_code = 4


class StoppedError(InfogapError):
    """The work was stopped early on purpose; `str()` says what is done and how to continue."""

    exit_code = 0


def nearest(word: object, known: Iterable[str]) -> str:
    """Return ` (did you mean 'X'?)` for the closest known word; empty if none is close."""
    close = get_close_matches(str(word), list(known), n=1, cutoff=0.6)
    return f" (did you mean '{close[0]}'?)" if close else ""
