"""What log-probabilities say of a trace.

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
    """There is no number; the message says why.

    Such as that a trace has other tokens after another prompt: then no difference of log-probabilities means anything.
    """


def gaps(told: ScoredText, plain: ScoredText) -> NDArray[np.float64]:
    """Per token how much likelier the trace is where its prompt holds the context, in nats.

    Raises UnscoredError where the tokens differ.
    """
    if not np.array_equal(told.tokens, plain.tokens):
        raise UnscoredError(_difference(told.tokens, plain.tokens))
    return told.logprobs.astype(np.float64) - plain.logprobs.astype(np.float64)


def _difference(told: NDArray[np.int64], plain: NDArray[np.int64]) -> str:
    if len(told) != len(plain):
        return f"{len(told):,} tokens with the context, {len(plain):,} without"
    place = int(np.argmax(told != plain))
    return f"token {place} is {told[place]} with the context, {plain[place]} without"


def surprisal(plain: ScoredText) -> float:
    """Nats per token, given the question alone."""
    return -float(plain.logprobs.mean(dtype=np.float64))


def ifd(plain: ScoredText, alone: ScoredText) -> float | None:
    """Instruction-following difficulty, a ratio of perplexities; above 1, the question makes the trace less likely.

    Where the model has no begin-of-text token, the first token of a text alone has no probability, and is left out of
    both; so is the opening tag of a thought where it stands in the prompt and not in the trace. None for a text that
    has no other token. Raises UnscoredError where the tokens differ.
    """
    logprobs = alone.logprobs[-len(plain.tokens) :]
    if not np.array_equal(alone.tokens[-len(plain.tokens) :], plain.tokens):
        raise UnscoredError(_difference(alone.tokens, plain.tokens))
    known = ~np.isnan(logprobs)
    if not known.any():
        return None
    difference = plain.logprobs[known].astype(np.float64) - logprobs[known].astype(np.float64)
    return float(np.exp(-difference.mean()))


def answer_confidence(text: str, answer: str, plain: ScoredText) -> float | None:
    """The probability, given the question and the trace up to there, of the tokens that hold the final answer.

    That is where it stands last. None where the answer does not stand in the text.
    """
    span = _last_place(text, answer)
    if span is None:
        return None
    ends = np.append(plain.offsets[1:], len(text))
    held = (plain.offsets < span[1]) & (ends > span[0])
    return float(np.exp(plain.logprobs[held].sum(dtype=np.float64))) if held.any() else None


def _last_place(text: str, answer: str) -> tuple[int, int] | None:
    """Where an answer stands last, as a word of its own if it does anywhere."""
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
