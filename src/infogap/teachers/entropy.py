"""How undecided a model was at a token: entropy from the few most likely outcomes that an engine reports.

The entropy, in nats, over the outcomes with known log-probabilities and one more that is all the others: with
p_i = exp(logprobs[i]) and r = 1 - sum p_i,

    H = -sum p_i log p_i - r log r

Lumping the rest together makes it a lower bound of the entropy over the whole vocabulary, at most
r log(number of the others) below it (grouping: Shannon 1948, section 6). -inf, an impossible outcome, adds nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def entropy(logprobs: Sequence[float]) -> float:
    """The entropy, in nats, at one token, from the log-probabilities of its most likely outcomes."""
    likely = [(math.exp(logprob), logprob) for logprob in logprobs if logprob > -math.inf]
    rest = 1 - math.fsum(share for share, _ in likely)  # rounding may put it below 0
    found = -math.fsum(share * logprob for share, logprob in likely)
    return max(found - (rest * math.log(rest) if rest > 0 else 0.0), 0.0)


def entropies(logprobs: NDArray[np.floating]) -> NDArray[np.float64]:
    """The same at every token of a text: a row of `logprobs` per token."""
    known = logprobs.astype(np.float64)
    shares = np.exp(known)
    rest = np.maximum(1 - shares.sum(axis=1), 0)
    found = -(shares * np.where(shares > 0, known, 0)).sum(axis=1) - rest * np.log(np.where(rest > 0, rest, 1))
    bounded: NDArray[np.float64] = np.maximum(found, 0)
    return bounded
