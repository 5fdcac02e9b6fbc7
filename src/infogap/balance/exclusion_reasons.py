"""The reasons that exclude a trace from a mix, and the funnel: how many traces each of them excludes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

import polars as pl

from infogap.recipe.balance_section import MixSettings

if TYPE_CHECKING:
    from infogap.balance.axes import Axis

EXPLAINED = {
    "task_not_selected": "its task is outside the pass rates that the recipe selects",
    "error": "the request failed, so that there is no text",
    "no_response": "the text ends within the thinking part, or is empty",
    "derived": "it is derived from another trace, and the mix does not ask for such traces",
    "not_derived": "the mix is of derived traces",
    "contaminated": "it or its question matches an evaluation set",
    "duplicate": "it is a near-duplicate of a trace that is kept",
    "leak": "it shows what only its teacher saw",
    "excluded_by_where": "a condition of the recipe excludes it",
    "held_out": "its family is held out for evaluation",
    # The verdict, if it has no share: without `balance.verdict`, any but `correct`
    "correct": "its answer is correct, and the mix has no share of correct answers",
    "wrong": "its answer is wrong, and the mix has no share of wrong answers",
    "no_answer": "it states no final answer",
    "truncated": "it was cut off at the token limit",
    "ungradable": "its answer cannot be graded",
    # The value of another axis has no share
    "not_in_mix": "the mix has no share of its value on an axis, such as its band or privilege",
    "other_teacher": "the mix takes its task from another teacher",
    "task_not_drawn": "its task was not drawn when the mix's tasks were chosen",
    "unmatched": "it has no counterpart in the matched mix",
    "max_per_task": "its task has enough traces in the mix",
    "max_per_cluster": "its cluster of similar questions has enough traces in the mix",
    "over_quota": "the mix has enough traces of its kind",
}
"""The reasons, each with what it says of a trace, in order of precedence: a trace has the first one that applies."""

REASONS = tuple(EXPLAINED)

ASKABLE = ("wrong", "no_answer", "truncated")
"""The verdicts besides `correct` to which a recipe can give a share."""

NOT_ASKED_FOR = (*ASKABLE, "ungradable")
"""Reasons that are a verdict without a share."""

ASK_FOR_OTHERS = "`balance: {verdict: {correct: 0.9, wrong: 0.1}}` asks for others"
SELECTED = "selected"


def reason_of_trace(mix: MixSettings) -> pl.Expr:
    """Return an expression of a trace's reason, shares aside; null if there is none."""
    wanted = pl.lit(mix.derived == "keep") if isinstance(mix.derived, str) else pl.col("derived").is_in(mix.derived)
    reason = (
        pl.when(pl.col("left_out"))
        .then(pl.lit("task_not_selected"))
        .when(pl.col("error").is_not_null())
        .then(pl.lit("error"))
        # A student can learn no answer from an incomplete thought, or from no text at all.
        .when(~pl.col("responds"))
        .then(pl.lit("no_response"))
        .when(pl.col("derived").is_not_null() & ~wanted)
        .then(pl.lit("derived"))
        .when(pl.col("derived").is_null() & (not isinstance(mix.derived, str)))
        .then(pl.lit("not_derived"))
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


def reason_of_shares(axes: Sequence[Axis]) -> tuple[pl.Expr, pl.Expr]:
    """Return the reason of traces whose value on an axis has no share, and that value; the first such axis counts."""
    reason, detail = pl.lit(None, dtype=pl.String), pl.lit(None, dtype=pl.String)
    # An axis of which no value is left excludes every trace; why, the others say.
    for axis in sorted(axes, key=lambda axis: (bool(axis.values), axis.name == "verdict")):
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
