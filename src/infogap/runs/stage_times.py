"""Record how long each stage took, beside the manifests: these hold no times, so that equal work gives equal ones."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

import orjson

from infogap.atomic_files import write_text
from infogap.runs.run_folder import Run

FILE_NAME = "times.json"


@contextmanager
def timed(run: Run, stage: str) -> Iterator[None]:
    """Record the wall time and the CPU time of a stage, this process and those that it started, once it is done."""
    wall, cpu = time.monotonic(), _cpu()
    yield
    spent = {"wall": round(time.monotonic() - wall, 2), "cpu": round(_cpu() - cpu, 2)}
    recorded = stage_times(run) | {stage: spent}
    write_text(run.path / FILE_NAME, orjson.dumps(recorded, option=orjson.OPT_INDENT_2).decode() + "\n")


def _cpu() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def stage_times(run: Run) -> dict[str, dict[str, float]]:
    """Return each stage's `wall` and `cpu` seconds of the last time that it ran to its end.

    A damaged record counts as empty, as nothing depends on it.
    """
    try:
        recorded = orjson.loads((run.path / FILE_NAME).read_bytes())
        return {stage: {key: float(spent[key]) for key in ("wall", "cpu")} for stage, spent in recorded.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}
