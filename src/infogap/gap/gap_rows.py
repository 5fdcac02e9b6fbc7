"""Turn a trace's scored texts into its rows of the gaps and token_gaps tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from infogap.gap.gap_metrics import UnscoredError, answer_confidence, gaps, ifd, surprisal
from infogap.gap.score_cache import ScoredText
from infogap.gap.scored_texts import TraceTexts
from infogap.schema import GAPS

UNKNOWN_CONTEXT = "the context that its teacher saw is not known"
_GAP_COLUMNS = ("gap", "gap_per_token", "gap_share")


@dataclass(frozen=True)
class TextScores:
    """Scores of texts by their keys, and the errors of those that have none."""

    scored: dict[str, ScoredText]
    errors: dict[str, str]

    def of(self, key: str) -> ScoredText:
        """Look a text's score up. Raises UnscoredError, with the reason, where it has none."""
        if key not in self.scored:
            raise UnscoredError(self.errors[key])
        return self.scored[key]


@dataclass(frozen=True)
class GapRows:
    """Makes the rows by one scorer; `gap_share` is the share of tokens whose gap is above `threshold`, in nats."""

    scorer: str
    threshold: float

    def row(self, trace_id: str, texts: TraceTexts, scores: TextScores, answer: str | None) -> dict[str, Any]:
        """Make a row of the gaps table; `detail` is the first reason for which a value is missing."""
        row = _empty_row(trace_id, self.scorer)
        try:
            student = scores.of(texts.student)
        except UnscoredError as error:
            return row | {"detail": str(error)}
        problems: list[str] = [] if texts.teacher else [UNKNOWN_CONTEXT]
        row["tokens"] = len(student.tokens)
        row["surprisal"] = surprisal(student)
        row["answer_confidence"] = answer_confidence(texts.text, answer, student) if answer else None
        row |= self._gap(texts.teacher, student, scores, problems)
        try:
            row["ifd"] = ifd(student, scores.of(texts.alone))
        except UnscoredError as error:
            problems.append(str(error))
        row["other_contexts"] = [
            {"context": name} | _without_share(self._gap(key, student, scores, problems))
            for name, key in texts.others.items()
        ]
        return row | {"detail": problems[0] if problems else None}

    def token_row(self, trace_id: str, texts: TraceTexts, scores: TextScores) -> dict[str, Any]:
        """Make a row of the token_gaps table. Raises UnscoredError where the trace has no score."""
        student = scores.of(texts.student)
        starts = [0, *student.offsets[1:].tolist()]
        pieces = [texts.text[start:end] for start, end in zip(starts, [*starts[1:], len(texts.text)], strict=True)]
        try:
            each = gaps(scores.of(texts.teacher), student).tolist() if texts.teacher else None
        except UnscoredError:
            each = None
        return {"trace_id": trace_id, "tokens": pieces, "gaps": each, "surprisals": (-student.logprobs).tolist()}

    def _gap(
        self, key: str | None, student: ScoredText, scores: TextScores, problems: list[str]
    ) -> dict[str, float | None]:
        """Compute the gap under a context; without values where there is no such context, or no score."""
        if key is None:
            return dict.fromkeys(_GAP_COLUMNS)
        try:
            each = gaps(scores.of(key), student)
        except UnscoredError as error:
            problems.append(str(error))
            return dict.fromkeys(_GAP_COLUMNS)
        return {
            "gap": float(each.sum()),
            "gap_per_token": float(each.mean()),
            "gap_share": float(np.mean(each > self.threshold)),
        }


def unscored_row(trace: dict[str, Any], scorer: str) -> dict[str, Any]:
    """Make the row of a trace that is not scored at all."""
    if trace["error"] is not None:
        why = "the request failed"  # the reason is in traces.error, which is not published
    elif not (trace["reasoning"] or trace["response"]):
        why = "there is no text"
    else:
        why = "the trace's task is left out by `select`, or not in the tasks table"
    return _empty_row(trace["trace_id"], scorer) | {"detail": why}


def _empty_row(trace_id: str, scorer: str) -> dict[str, Any]:
    return dict.fromkeys(GAPS.schema) | {"trace_id": trace_id, "scorer": scorer, "other_contexts": []}


def _without_share(values: dict[str, float | None]) -> dict[str, float | None]:
    return {name: values[name] for name in ("gap", "gap_per_token")}
