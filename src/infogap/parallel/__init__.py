"""Process many items at once, in processes, threads or coroutines, behind plain generators.

| to run | open |
| --- | --- |
| compiled code or a Python function on all cores | `ordered.py` |
| code that may hang or kill its process | `bounded_processes.py`; call by call, `bounded_call.py` |
| contexts of a model, each on a thread | `threads.py` |
| requests to servers and engines | `coroutines.py` |
| a function on the nodes of a Ray cluster | `ray_tasks.py`; the connection, `ray_cluster.py` |
| a process under limits of time and memory | `process_limits.py` |

All follow the same rules. The function's name gives the order of results: `in_order` is the order of the items,
`as_finished` the order in which work finishes. Items are read in the caller's thread, a few ahead of the results. The
first exception is raised where results are consumed. Closing the generator ends the work: nothing runs after `close()`
returns.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress


def usable_cores() -> int:
    """Count the cores that this process may run on: at least 1, and often fewer than a cluster's node has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def leave_stdout_alone() -> None:
    """Send what this process prints, through Python or not, to stderr: stdout holds the parent's data."""
    sys.stdout = sys.stderr
    with suppress(OSError):  # stderr is closed
        os.dup2(2, 1)
