"""Measures whose values are columns of the frame already: lengths, forks and gaps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from infogap.measure.trace_frames import OF_GAPS
from infogap.schema import MEASURES


@dataclass(frozen=True)
class FrameColumns:
    """A measure whose values are columns of the frame already."""

    columns: Mapping[str, Any]
    version: int = 1

    @classmethod
    def named(cls, *names: str) -> FrameColumns:
        return cls({name: MEASURES.schema[name] for name in names})

    def measure(self, frame: pl.DataFrame) -> pl.DataFrame:
        return frame.select(list(self.columns))


LENGTHS = FrameColumns.named("words", "reasoning_words")
FORKS = FrameColumns.named("fork_rate")
GAP = FrameColumns.named(*OF_GAPS)
