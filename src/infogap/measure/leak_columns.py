"""The measure `leaks`: what a trace reveals of its teacher's context, and how much it copies from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import polars as pl

from infogap.leaks.leak_scan import LeakScan, load_leaks
from infogap.leaks.scanned_trace import ContextKind, ScannedTrace, ScanResult
from infogap.leaks.turn_leaks import in_turns
from infogap.measure.list_columns import lists_of
from infogap.measure.turn_pieces import turns_of
from infogap.privileges.ladder import privileges_by_label
from infogap.runs.run_folder import Run
from infogap.schema import LEAKS, MEASURES

MAY_HAVE_SEEN = "may_have_seen"
"""The frame's column with the solution that the teacher of an imported trace without a context may have seen."""


@dataclass(frozen=True)
class LeakColumns:
    """The scan for leaks, and what the contexts of each privilege hold, by its label in the run's tables."""

    columns: ClassVar = {name: MEASURES.schema[name] for name in ("leak", "leaks", "copied_share", "longest_copy")}
    version: ClassVar = 1

    scan: LeakScan
    context_kinds: dict[str, ContextKind]

    @classmethod
    def for_run(cls, run: Run) -> Self:
        privileges = privileges_by_label(run.recipe)
        return cls(load_leaks(), {label: ContextKind.of(privilege) for label, privilege in privileges.items()})

    def measure(self, frame: pl.DataFrame) -> pl.DataFrame:
        traces = [
            ScannedTrace.of(
                *(text, question or "", context, gold, self.context_kinds.get(privilege, ContextKind()), solution),
                cut=finish_reason == "length",
            )
            for text, question, context, gold, privilege, solution, finish_reason in frame.select(
                "text", "question", "context", "answer", "privilege", MAY_HAVE_SEEN, "finish_reason"
            ).iter_rows()
        ]
        traces = [in_turns(trace, turns) for trace, turns in zip(traces, turns_of(frame), strict=True)]
        results = self.scan.find_all(traces)
        columns = {
            "leak": [bool(result.leaks) for result in results],
            "leaks": _leaks(results),
            "copied_share": [result.copied_share for result in results],
            "longest_copy": [result.longest_copy for result in results],
        }
        return pl.DataFrame(columns, schema=self.columns)


def _leaks(results: Sequence[ScanResult]) -> pl.Series:
    """Return the column `leaks`."""
    flat = pl.Series([leak for result in results for leak in result.leaks], dtype=LEAKS.inner)
    lengths = np.array([len(result.leaks) for result in results], np.int64)
    return lists_of(lengths, flat).alias("leaks").cast(LEAKS)
