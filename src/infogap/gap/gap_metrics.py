"""Compute the metrics of a trace from its tokens' log-probabilities.

`gap`: the sum over a trace's tokens of log p(token | question, context, so far) - log p(token | question, so far), in
nats. `surprisal`: the mean of -log p(token | question, so far), nats per token. `ifd`: the perplexity of a trace given
its question over its perplexity without one (Li et al. 2024, Selective Reflection-Tuning, arXiv 2402.10110).
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from infogap.gap.score_cache import ScoredText


class UnscoredError(Exception):
    """A metric has no value; the message says why.

    For example, the trace has other tokens under another prompt: then a difference of log-probabilities means nothing.
    """


def gaps(teacher: ScoredText, student: ScoredText) -> NDArray[np.float64]:
    """Compute, per token, how much the context raises the trace's log-probability, in nats.

    `teacher` and `student` are the trace scored under the teacher's and the student's prompt.

    Raises UnscoredError where the tokens differ.
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


def ifd(student: ScoredText, alone: ScoredText) -> float | None:
    """Compute the instruction-following difficulty, a ratio of perplexities.

    Above 1, the question makes the trace less likely. `alone` is the trace scored without a prompt.

    Where the model has no begin-of-text token, the first token of a text without a prompt has no probability, and is
    left out of both; so is the opening tag of a thought that stands in the prompt and not in the trace. None for a
    text without other tokens. Raises UnscoredError where the tokens differ.
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

    The answer is taken where it occurs last in the text; None where it does not occur.
    """
    span = _last_place(text, answer)
    if span is None:
        return None
    ends = np.append(student.offsets[1:], len(text))
    held = (student.offsets < span[1]) & (ends > span[0])
    return float(np.exp(student.logprobs[held].sum(dtype=np.float64))) if held.any() else None


def _last_place(text: str, answer: str) -> tuple[int, int] | None:
    """Find where an answer occurs last, as a word of its own if it does anywhere."""
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
