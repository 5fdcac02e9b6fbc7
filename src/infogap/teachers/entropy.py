"""How undecided a model was at a token: entropy from the few most likely outcomes that an engine reports."""

from __future__ import annotations

import math
from collections.abc import Iterable


def entropy(logprobs: Iterable[float]) -> float:
    """The entropy, in nats, over the outcomes with these log-probabilities and one more that is all the others.

    With p_i = exp(logprobs[i]) and r = 1 - sum p_i: H = -sum p_i log p_i - r log r. Lumping the rest together
    makes it a lower bound of the entropy over the whole vocabulary, at most r log(number of the others) below it
    (grouping: Shannon 1948, section 6). -inf, an impossible outcome, adds nothing.
    """
    likely = [(math.exp(logprob), logprob) for logprob in logprobs if logprob > -math.inf]
    rest = 1 - math.fsum(share for share, _ in likely)  # rounding may put it below 0
    found = -math.fsum(share * logprob for share, logprob in likely)
    return max(found - (rest * math.log(rest) if rest > 0 else 0.0), 0.0)
