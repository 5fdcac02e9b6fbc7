"""The funnel: how many traces there are, and what took each of them away, adding up to the mix."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Self

import polars as pl

from infogap.balance.exclusion_reasons import REASONS

SELECTED = "selected"


@dataclass(frozen=True)
class Loss:
    """Traces that one reason took away; `detail` says more where a reason has several kinds."""

    reason: str
    detail: str | None
    traces: int

    @property
    def label(self) -> str:
        words = self.reason.replace("_", " ")
        return words if self.detail is None else f"{words}: {self.detail}"


@dataclass(frozen=True)
class Funnel:
    """`traces` less all losses is `selected`."""

    traces: int
    losses: tuple[Loss, ...]
    selected: int

    @classmethod
    def of(cls, mix: pl.DataFrame) -> Self:
        """From every trace's `reason` and `detail`."""
        counted = mix.group_by("reason", "detail").len().iter_rows()
        losses = [Loss(reason, detail, count) for reason, detail, count in counted if reason != SELECTED]
        losses.sort(key=lambda loss: (REASONS.index(loss.reason), -loss.traces, loss.detail or ""))
        return cls(mix.height, tuple(losses), mix.filter(pl.col("reason") == SELECTED).height)

    @classmethod
    def from_counts(cls, counts: dict[str, Any]) -> Self:
        """As a manifest holds it."""
        return cls(counts["traces"], tuple(Loss(**loss) for loss in counts["losses"]), counts["selected"])

    def as_counts(self) -> dict[str, Any]:
        """For the manifest: JSON-able."""
        return {
            "traces": self.traces,
            "losses": [asdict(loss) for loss in self.losses],
            SELECTED: self.selected,
        }

    def in_words(self) -> str:
        """`5 wrong, 3 leak: copying`; empty where nothing was taken away."""
        return ", ".join(f"{loss.traces:,} {loss.label}" for loss in self.losses)

    def rows(self) -> Iterator[tuple[str, int, int]]:
        """Per loss its label, its traces, and how many are left after it."""
        left = self.traces
        for loss in self.losses:
            left -= loss.traces
            yield loss.label, loss.traces, left
