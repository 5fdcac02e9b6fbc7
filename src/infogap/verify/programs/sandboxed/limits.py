"""The limits of one process in the sandbox. They are hard: without capabilities no process can raise them again."""

from __future__ import annotations

STARTED = b"\0"
"""The first byte of standard error: what comes before is of bubblewrap, or of an interpreter that did not start."""

MOST_CALLS_SECONDS = 120
"""Processor seconds of one process, all its tests together."""


def set_limits(limits: dict[str, int]) -> None:
    """Limit this process: `memory` and `file_size` in bytes, `files` open at once; no core dumps."""
    import resource  # not everywhere, and this module's names are used outside of the sandbox, too

    for kind, most in (
        (resource.RLIMIT_AS, limits["memory"]),
        (resource.RLIMIT_FSIZE, limits["file_size"]),
        (resource.RLIMIT_NOFILE, limits["files"]),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_CPU, MOST_CALLS_SECONDS),
    ):
        resource.setrlimit(kind, (most, most))


def more_seconds(seconds: int) -> None:
    """Have the system end this process after that many more processor seconds."""
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF)
    until = min(int(used.ru_utime + used.ru_stime) + seconds + 1, MOST_CALLS_SECONDS)
    resource.setrlimit(resource.RLIMIT_CPU, (until, MOST_CALLS_SECONDS))
