"""How many processor cores there are for this process."""

from __future__ import annotations

import os


def usable_cores() -> int:
    """The cores that this process may run on, which a batch system may make fewer than the machine has; at least 1."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
