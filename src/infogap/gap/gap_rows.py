"""Compute a trace's rows of the tables `gaps` and `token_gaps` from its scored texts.

`gap`: the sum over a trace's tokens of log p(token | question, context, so far) - log p(token | question, so far), in
nats. `surprisal`: the mean of -log p(token | question, so far), nats per token. `ifd`: the perplexity of a trace given
its question over its perplexity without one (Li et al. 2024, Selective Reflection-Tuning, arXiv 2402.10110). `rsr`: the
Rank-Surprisal Ratio of a trace (Yang et al. 2026, arXiv 2601.14249).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infogap.gap.score_cache import ScoredText
from infogap.gap.scored_texts import TraceTexts
from infogap.schema import GAPS


class UnscoredError(Exception):
    """A metric has no value; the message says why.

    For example, the trace has other tokens under another prompt: then a difference of log-probabilities means nothing.
    """


def gaps(teacher: ScoredText, student: ScoredText) -> NDArray[np.float64]:
    """Compute how much the context raises the log-probability of each of the trace's tokens, in nats.

    `teacher` and `student` are the trace scored under the teacher's and the student's prompt. Raises UnscoredError if
    their tokens differ.
    """
    if not np.array_equal(teacher.tokens, student.tokens):
        raise UnscoredError(_difference(teacher.tokens, student.tokens))
    return teacher.logprobs.astype(np.float64) - student.logprobs.astype(np.float64)


def _difference(teacher: NDArray[np.int64], student: NDArray[np.int64]) -> str:
    if len(teacher) != len(student):
        return f"{len(teacher):,} tokens with the context, {len(student):,} without"
    place = int(np.argmax(teacher != student))
    return f"token {place} is {teacher[place]} with the context, {student[place]} without"


def surprisal(student: ScoredText) -> float:
    """Compute the surprisal under the student's prompt, in nats per token."""
    return -float(student.logprobs.mean(dtype=np.float64))


RANK_LIMIT = 100  # the paper's r_max: larger ranks count as this one, so that no single token decides the ratio
NO_RANKS = "the scorer gives no ranks of tokens"


def rank_surprisal_ratio(student: ScoredText) -> float:
    """Compute the Rank-Surprisal Ratio under the student's prompt: mean clipped rank over mean surprisal.

    Lower is better: the trace's tokens are unlikely (informative), and yet among the student's first choices (aligned).
    The same number is the average of the tokens' own ratios, weighted by their surprisals: sum over the
    trace's tokens of min(rank, RANK_LIMIT), divided by the sum of -log p, in nats (Yang et al. 2026, arXiv 2601.14249).
    All tokens of the trace count, thoughts and their tags included; those of the prompt and the one that ends an answer
    do not.

    Raises UnscoredError if the ranks are not known, or if every token is certain.
    """
    if student.ranks is None:
        raise UnscoredError(NO_RANKS)
    total = -float(student.logprobs.sum(dtype=np.float64))
    if total <= 0:
        raise UnscoredError("every token of the trace is certain, which leaves no Rank-Surprisal Ratio")
    return float(np.minimum(student.ranks, RANK_LIMIT).sum(dtype=np.int64)) / total


def ifd(student: ScoredText, alone: ScoredText) -> float | None:
    """Compute the instruction-following difficulty, a ratio of perplexities.

    Above 1, the question makes the trace less likely. `alone` is the trace scored without a prompt.

    If the model has no begin-of-text token, the first token of a text without a prompt has no probability, and is left
    out of both. So is the opening tag of a thought that is in the prompt instead of the trace. None for a text without
    other tokens. Raises UnscoredError if the tokens differ.
    """
    logprobs = alone.logprobs[-len(student.tokens) :]
    if not np.array_equal(alone.tokens[-len(student.tokens) :], student.tokens):
        raise UnscoredError(_difference(alone.tokens, student.tokens))
    known = ~np.isnan(logprobs)
    if not known.any():
        return None
    difference = student.logprobs[known].astype(np.float64) - logprobs[known].astype(np.float64)
    return float(np.exp(-difference.mean()))


def answer_confidence(text: str, answer: str, student: ScoredText) -> float | None:
    """Compute the probability of the final answer's tokens under the student's prompt, given the trace before them.

    Its last occurrence in the text counts; None if it does not occur.
    """
    span = _last_place(text, answer)
    if span is None:
        return None
    ends = np.append(student.offsets[1:], len(text))
    held = (student.offsets < span[1]) & (ends > span[0])
    return float(np.exp(student.logprobs[held].sum(dtype=np.float64))) if held.any() else None


def _last_place(text: str, answer: str) -> tuple[int, int] | None:
    """Find the last occurrence of an answer, as a word of its own if there is one."""
    if not answer:
        return None
    start = text.rfind(answer)
    while start >= 0:
        end = start + len(answer)
        if not (_joined(text[start - 1 : start], answer[0]) or _joined(text[end : end + 1], answer[-1])):
            return start, end
        start = text.rfind(answer, 0, end - 1)
    start = text.rfind(answer)
    return (start, start + len(answer)) if start >= 0 else None


def _joined(outside: str, inside: str) -> bool:
    return bool(re.fullmatch(r"\w\w", outside + inside))


UNKNOWN_CONTEXT = "the context that its teacher saw is not known"
_GAP_COLUMNS = ("gap", "gap_per_token", "gap_share")


@dataclass(frozen=True)
class TextScores:
    """Scores of texts by key, and the errors of texts that have none."""

    scored: dict[str, ScoredText]
    errors: dict[str, str]

    def of(self, key: str) -> ScoredText:
        """Return a text's score. Raises UnscoredError, with the reason, if it has none."""
        if key not in self.scored:
            raise UnscoredError(self.errors[key])
        return self.scored[key]


@dataclass(frozen=True)
class GapRows:
    """Makes the rows of one scorer; `gap_share` is the share of tokens whose gap is above `threshold`, in nats."""

    scorer: str
    threshold: float

    def row(self, trace_id: str, texts: TraceTexts, scores: TextScores, answer: str | None) -> dict[str, Any]:
        """Make a row of the gaps table; `detail` is the first reason why a value is missing."""
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
        try:
            row["rsr"] = rank_surprisal_ratio(student)
        except UnscoredError as error:
            problems.append(str(error))
        row["other_contexts"] = [
            {"context": name} | _without_share(self._gap(key, student, scores, problems))
            for name, key in texts.others.items()
        ]
        return row | {"detail": problems[0] if problems else None}

    def token_row(self, trace_id: str, texts: TraceTexts, scores: TextScores) -> dict[str, Any]:
        """Make a row of the token_gaps table. Raises UnscoredError if the trace has no score."""
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
        """Compute the gap under a context; null values if there is no such context, or no score."""
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


def unscored_row(trace: dict[str, Any], scorer: str, *, calls_tools: bool = False) -> dict[str, Any]:
    """Make the row of a trace that is not scored at all."""
    if calls_tools:
        why = "it has tools, and its turns are no single answer to the prompt"
    elif trace["error"] is not None:
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
