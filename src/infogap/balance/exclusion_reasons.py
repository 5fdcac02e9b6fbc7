"""The reasons that exclude a trace from a mix, and the funnel: how many traces each of them excludes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import polars as pl

from infogap.balance.axes import Axis
from infogap.recipe.balance_section import MixSettings

REASONS = (
    "task_not_selected",
    "error",
    "no_response",
    "contaminated",
    "duplicate",
    "leak",
    "excluded_by_where",
    "held_out",
    # The verdict, if it has no share: without `balance.verdict`, any but `correct`
    "correct",
    "wrong",
    "no_answer",
    "truncated",
    "ungradable",
    # The value of another axis has no share
    "not_in_mix",
    "other_teacher",
    "task_not_drawn",
    "unmatched",
    "max_per_task",
    "max_per_cluster",
    "over_quota",
)
"""In order of precedence: a trace has the first one that applies."""

ASKABLE = ("wrong", "no_answer", "truncated")
"""The verdicts besides `correct` to which a recipe can give a share."""

NOT_ASKED_FOR = (*ASKABLE, "ungradable")
"""Reasons that are a verdict without a share."""

ASK_FOR_OTHERS = "`balance: {verdict: {correct: 0.9, wrong: 0.1}}` asks for others"
SELECTED = "selected"


def of_trace(mix: MixSettings) -> pl.Expr:
    """Return an expression of a trace's reason, shares aside; null if there is none."""
    reason = (
        pl.when(pl.col("left_out"))
        .then(pl.lit("task_not_selected"))
        .when(pl.col("error").is_not_null())
        .then(pl.lit("error"))
        # A student can learn no answer from an incomplete thought, or from no text at all.
        .when(~pl.col("responds"))
        .then(pl.lit("no_response"))
        .when(pl.col("contaminated"))
        .then(pl.lit("contaminated"))
        .when(pl.col("duplicate"))
        .then(pl.lit("duplicate"))
        .when(pl.col("leak") & (mix.leak == "drop"))
        .then(pl.lit("leak"))
        .when(pl.col("outside_where"))
        .then(pl.lit("excluded_by_where"))
        .when(pl.col("held_out"))
        .then(pl.lit("held_out"))
    )
    if mix.verdict is not None:
        return reason.otherwise(None)
    # By default the mix holds nothing else.
    by_default = (pl.col("verdict") == "correct") | ((pl.col("verdict") == "ungradable") & pl.col("without_gold"))
    return reason.when(~by_default.fill_null(False)).then(_verdict()).otherwise(None)


def detail_of_trace() -> pl.Expr:
    """Return an expression of a reason's detail: the kind of error or leak, or why there is no response."""
    return (
        pl.when((pl.col("reason") == "error") & (pl.col("finish_reason") != "error"))
        .then("finish_reason")
        .when((pl.col("reason") == "no_response") & pl.col("verdict").eq_missing("truncated"))
        .then(pl.lit("truncated"))
        .when(pl.col("reason") == "leak")
        .then("leak_kind")
        .otherwise(None)
    )


def of_shares(axes: Sequence[Axis]) -> tuple[pl.Expr, pl.Expr]:
    """Return the reason of traces whose value on an axis has no share, and that value; the first such axis counts."""
    reason, detail = pl.lit(None, dtype=pl.String), pl.lit(None, dtype=pl.String)
    for axis in sorted(axes, key=lambda axis: axis.name != "verdict", reverse=True):
        outside = ~axis.contains()
        value = pl.format(f"{axis.name} {{}}", pl.col(axis.name).fill_null("not known"))
        of_axis, its_value = (_verdict(), None) if axis.name == "verdict" else (pl.lit("not_in_mix"), value)
        reason = pl.when(outside).then(of_axis).otherwise(reason)
        detail = pl.when(outside).then(its_value).otherwise(detail)
    return reason, detail


def _verdict() -> pl.Expr:
    return pl.col("verdict").fill_null("ungradable")


@dataclass(frozen=True)
class Loss:
    """The number of traces excluded for one reason; `detail` tells kinds of a reason apart."""

    reason: str
    detail: str | None
    traces: int

    @property
    def label(self) -> str:
        """The reason in words, with its detail."""
        words = self.reason.replace("_", " ")
        return words if self.detail is None else f"{words}: {self.detail}"


@dataclass(frozen=True)
class Funnel:
    """The funnel of a mix: `traces` less all losses is `selected`."""

    traces: int
    losses: tuple[Loss, ...]
    selected: int

    @classmethod
    def of(cls, mix: pl.DataFrame) -> Self:
        """Count every trace's `reason` and `detail`."""
        counted = mix.group_by("reason", "detail").len().iter_rows()
        losses = [Loss(reason, detail, count) for reason, detail, count in counted if reason != SELECTED]
        losses.sort(key=lambda loss: (REASONS.index(loss.reason), -loss.traces, loss.detail or ""))
        return cls(mix.height, tuple(losses), mix.filter(pl.col("reason") == SELECTED).height)

    @classmethod
    def from_counts(cls, counts: dict[str, Any]) -> Self:
        """Read the funnel from a manifest's counts."""
        return cls(counts["traces"], tuple(Loss(**loss) for loss in counts["losses"]), counts["selected"])

    def as_counts(self) -> dict[str, Any]:
        """Return JSON-able counts for the manifest."""
        return {
            "traces": self.traces,
            "losses": [asdict(loss) for loss in self.losses],
            SELECTED: self.selected,
        }

    def in_words(self) -> str:
        """Return `5 wrong, 3 leak: copying`; empty without losses."""
        return ", ".join(f"{loss.traces:,} {loss.label}" for loss in self.losses)

    def rows(self) -> Iterator[tuple[str, int, int]]:
        """Yield each loss: its label, its traces, and the traces left after it."""
        left = self.traces
        for loss in self.losses:
            left -= loss.traces
            yield loss.label, loss.traces, left
