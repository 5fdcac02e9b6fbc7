"""From a trace's scored texts to its rows of the gaps and token_gaps tables."""

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
class Numbers:
    """What is said of a trace; `threshold`, in nats, is for the share of tokens above it."""

    scorer: str
    threshold: float

    def row(
        self,
        trace_id: str,
        texts: TraceTexts,
        scored: dict[str, ScoredText],
        errors: dict[str, str],
        answer: str | None,
    ) -> dict[str, Any]:
        """A row of the gaps table; `detail` is the first reason for which a number is missing."""
        row = _empty_row(trace_id, self.scorer)
        problems: list[str] = []
        plain = scored.get(texts.plain)
        if plain is None:
            return row | {"detail": errors[texts.plain]}
        row["tokens"] = len(plain.tokens)
        row["surprisal"] = surprisal(plain)
        row["answer_confidence"] = answer_confidence(texts.text, answer, plain) if answer else None
        if texts.told is None:
            problems.append(UNKNOWN_CONTEXT)
        else:
            row |= self._gap(texts.told, plain, scored, errors, problems)
        row["ifd"] = self._ifd(texts.alone, plain, scored, errors, problems)
        row["other_contexts"] = [
            {"context": name} | _without_share(self._gap(key, plain, scored, errors, problems))
            for name, key in texts.others.items()
        ]
        return row | {"detail": problems[0] if problems else None}

    def token_row(self, trace_id: str, texts: TraceTexts, scored: dict[str, ScoredText]) -> dict[str, Any]:
        """A row of the token_gaps table."""
        plain, told = scored[texts.plain], scored.get(texts.told or "")
        starts = [0, *plain.offsets[1:].tolist()]
        pieces = [texts.text[start:end] for start, end in zip(starts, [*starts[1:], len(texts.text)], strict=True)]
        known = told is not None and np.array_equal(told.tokens, plain.tokens)
        return {
            "trace_id": trace_id,
            "tokens": pieces,
            "gaps": gaps(told, plain).tolist() if told is not None and known else None,
            "surprisals": (-plain.logprobs).tolist(),
        }

    def _gap(
        self,
        key: str | None,
        plain: ScoredText,
        scored: dict[str, ScoredText],
        errors: dict[str, str],
        problems: list[str],
    ) -> dict[str, float | None]:
        """The gap under a context; without values where it has none, or could not be scored."""
        if key is None:
            return dict.fromkeys(_GAP_COLUMNS)
        try:
            each = gaps(_found(key, scored, errors), plain)
        except UnscoredError as error:
            problems.append(str(error))
            return dict.fromkeys(_GAP_COLUMNS)
        return {
            "gap": float(each.sum()),
            "gap_per_token": float(each.mean()),
            "gap_share": float(np.mean(each > self.threshold)),
        }

    def _ifd(
        self,
        key: str,
        plain: ScoredText,
        scored: dict[str, ScoredText],
        errors: dict[str, str],
        problems: list[str],
    ) -> float | None:
        try:
            return ifd(plain, _found(key, scored, errors))
        except UnscoredError as error:
            problems.append(str(error))
            return None


def unscored_row(trace: dict[str, Any], scorer: str) -> dict[str, Any]:
    """The row of a trace of which nothing is scored."""
    if trace["error"] is not None:
        why = "the request failed"  # why stands in traces.error, which is not published
    elif not (trace["reasoning"] or trace["response"]):
        why = "there is no text"
    else:
        why = "the trace's task is left out by `select`, or not in the tasks table"
    return _empty_row(trace["trace_id"], scorer) | {"detail": why}


def _found(key: str, scored: dict[str, ScoredText], errors: dict[str, str]) -> ScoredText:
    """Raises UnscoredError where a text has no score: its message says why."""
    if key not in scored:
        raise UnscoredError(errors[key])
    return scored[key]


def _empty_row(trace_id: str, scorer: str) -> dict[str, Any]:
    return dict.fromkeys(GAPS.schema) | {"trace_id": trace_id, "scorer": scorer, "other_contexts": []}


def _without_share(values: dict[str, float | None]) -> dict[str, float | None]:
    return {name: values[name] for name in ("gap", "gap_per_token")}
