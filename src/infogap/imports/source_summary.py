"""Summary of one imported source: counts for the manifest and notes for the user."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from infogap.imports.samples import Sample
from infogap.recipe.sources import TraceImport
from infogap.teachers.finish_reasons import meaning
from infogap.text.tag_counts import TagCounts
from infogap.text.thoughts import Parts

EMPTY = "empty, beside others that are not"


@dataclass
class SourceSummary:
    """What became of a source's rows, and what its traces show of their tags."""

    source: TraceImport
    rows: int
    left_out: Counter[str] = field(default_factory=Counter)  # by reason
    traces: int = 0
    _tags: TagCounts = field(default_factory=TagCounts)
    _closed_only: int = 0  # traces that close a thought which they do not open
    _truncated_untagged: int = 0

    def add(self, sample: Sample, parts: Parts) -> None:
        """Count one imported sample."""
        self.traces += 1
        self._tags.add(parts)
        if sample.end is not None and meaning(sample.end) is None:
            self._tags.words[sample.end] += 1
        if sample.whole:
            self._closed_only += parts.began_inside
            self._truncated_untagged += sample.truncated and not parts.tags

    def as_counts(self) -> dict[str, Any]:
        """Return the source's counts for the manifest."""
        counts = {
            "source": self.source.from_,
            "rows": self.rows,
            "left_out": dict(sorted(self.left_out.items())),
            "traces": self.traces,
        }
        return counts | self._tags.as_counts()

    def reasons(self) -> str:
        """Say what was left out, and why."""
        return "; ".join(f"{why}: {count:,} {_unit(why, count)}" for why, count in sorted(self.left_out.items()))

    def notes(self) -> Iterator[str]:
        """Yield sentences for the user."""
        name = self.source.from_
        if self.left_out:
            yield f"{name}: not imported, of {self.rows:,} rows: {self.reasons()}"
        for note in self._tags.notes():
            yield f"{name}: {note}"
        if self.source.thinking != "opened" and self._closed_only and self._truncated_untagged:
            yield (
                f"{name}: {self._closed_only:,} traces begin inside a thought; {self._truncated_untagged:,} that were "
                "cut off have no tags, and were taken for answers. Where they are thoughts too, set `thinking: opened`"
            )


def _unit(reason: str, count: int) -> str:
    unit = "sample" if reason == EMPTY else "row"
    return unit if count == 1 else f"{unit}s"
