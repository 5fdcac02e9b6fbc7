"""Log-probabilities of tokens, and the entropy at a token from the few outcomes that an engine reports.

The entropy, in nats, is over the outcomes with known log-probabilities, and one more that stands for all others: with
p_i = exp(logprobs[i]) and r = 1 - sum p_i,

    H = -sum p_i log p_i - r log r

As the rest is lumped together, this is a lower bound of the entropy over the whole vocabulary, at most
r log(number of the others) below it (grouping: Shannon 1948, section 6). -inf, an impossible outcome, adds nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def entropy(logprobs: Sequence[float]) -> float:
    """Compute the entropy, in nats, at one token from the log-probabilities of its most likely outcomes."""
    likely = [(math.exp(logprob), logprob) for logprob in logprobs if logprob > -math.inf]
    rest = 1 - math.fsum(share for share, _ in likely)  # rounding may put it below 0
    known = -math.fsum(share * logprob for share, logprob in likely)
    return max(known - (rest * math.log(rest) if rest > 0 else 0.0), 0.0)


def entropies(logprobs: NDArray[np.floating]) -> NDArray[np.float64]:
    """Compute the entropy at every token of a text, in nats: `logprobs` has a row per token."""
    values = logprobs.astype(np.float64)
    shares = np.exp(values)
    rest = np.maximum(1 - shares.sum(axis=1), 0)
    sums = -(shares * np.where(shares > 0, values, 0)).sum(axis=1) - rest * np.log(np.where(rest > 0, rest, 1))
    bounded: NDArray[np.float64] = np.maximum(sums, 0)
    return bounded


def log_softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute log-probabilities from logits, in nats, along the last axis."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    normalised: NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return normalised


def ranks(rows: NDArray[np.floating], chosen: Sequence[int]) -> list[int]:
    """Rank each row's chosen token among the vocabulary: 1 plus the number of tokens that are strictly more likely.

    `rows` has logits or log-probabilities: a row per position, a column per token of the vocabulary.
    """
    own = rows[np.arange(len(chosen)), chosen]
    above: list[int] = (rows > own[:, None]).sum(axis=1).tolist()
    return [count + 1 for count in above]


class TokenLog:
    """Records an answer's tokens by the model's own distribution: before temperature, top_p and so on, as in vLLM.

    `logprobs` and `entropies` are in nats. An entropy is over the `likeliest` most likely tokens, and the rest as one.
    """

    def __init__(self, likeliest: int) -> None:
        self._likeliest = likeliest
        self.logprobs: list[float] = []
        self.entropies: list[float] = []

    def note(self, token: int, logits: NDArray[np.float32]) -> None:
        """Add a token, and the logits (one per entry of the vocabulary) that it was sampled from."""
        logprobs = log_softmax(logits.astype(np.float64))
        most = np.partition(logprobs, -self._likeliest)[-self._likeliest :]
        self.logprobs.append(float(logprobs[token]))
        self.entropies.append(entropy(most.tolist()))
