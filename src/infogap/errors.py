"""The errors that infogap raises, each with the exit code of the process that ends by it.

| code | meaning |
| --- | --- |
| 0 | done, or ended early on purpose (Ctrl-C, a budget): the same command goes on from there |
| 2 | the user's input is wrong: a recipe, an option, a data file |
| 3 | the world failed: a server, the disk, the Hub |
| 4 | done, but short of the target that the recipe states |
| 130 | stopped at once, by a second Ctrl-C or by one where nothing was in flight |
"""

from __future__ import annotations


class InfogapError(Exception):
    """A failure that a person can act on: `str()` is one clear message, without a traceback."""

    exit_code = 1


class UserError(InfogapError, ValueError):
    """The recipe, an option or a data file is wrong."""

    exit_code = 2


class WorldError(InfogapError, OSError):
    """A server, the disk or the Hub failed; running the same command again continues the work."""

    exit_code = 3


class ShortfallError(InfogapError):
    """The work is done but there is less than the recipe asks for."""

    exit_code = 4


class StoppedError(InfogapError):
    """The work was ended early on purpose; `str()` says what is done and how to go on."""

    exit_code = 0
