"""The errors that infogap raises, each with the exit code of the process that ends by it.

| code | meaning |
| --- | --- |
| 0 | done |
| 2 | the user's input is wrong: a recipe, an option, a data file |
| 3 | the world failed: a server, the disk, the Hub |
| 4 | done, but short of the target that the recipe states |
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
