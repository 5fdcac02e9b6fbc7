"""End a process that takes too much time or memory: by the system, which cannot be put off, or by its parent."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import Any

from infogap.parallel import leave_stdout_alone

START_LIMIT = 120.0  # seconds that a worker's imports may take: a cold disk, a large library
_GRACE = 5  # seconds after its deadline until a worker ends by itself, if its parent has not ended it
# The signal to a process that has used up its processor time; 0 if the system has no such timers.
_OUT_OF_TIME = int(getattr(signal, "SIGPROF", 0))


def stand_apart() -> None:
    """Separate this process from its parent's terminal and output."""
    if hasattr(os, "setsid"):
        os.setsid()  # a group of its own, to be killed as a whole; the terminal's Ctrl-C goes to the parent alone
    leave_stdout_alone()


def end_after(seconds: float | None) -> None:
    """Have the system end this process after that many processor seconds; None cancels this."""
    if hasattr(signal, "ITIMER_PROF"):
        signal.setitimer(signal.ITIMER_PROF, seconds or 0)


def end_within(seconds: float | None) -> None:
    """Make the system end this process soon after its deadline, in case the parent was killed; None cancels that."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, 0 if seconds is None else seconds + _GRACE)


def limit_memory(most: int) -> None:
    """Let this process take `most` bytes more than it has.

    A huge number raises MemoryError here instead of ending another process.

    The limit is on addresses, not on what is resident, so it counts from what the process holds when its imports are
    done: libraries may map much memory that they never use.
    """
    try:
        import resource

        taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (taken + most, resource.RLIM_INFINITY))
    except (ImportError, OSError, ValueError):
        return  # a system without such limits


def end_process(process: Any) -> None:
    """Kill a worker process and those that it has started."""
    if hasattr(os, "killpg"):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.join(_GRACE)


def out_of_time(exit_code: int | None) -> bool:
    """Whether the system ended a process because its processor time was used up."""
    return bool(_OUT_OF_TIME) and exit_code == -_OUT_OF_TIME
