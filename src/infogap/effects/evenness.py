"""How even counts are: the effective number of families, of values of any kind."""

from __future__ import annotations

import math
from collections.abc import Iterable


def effective_number(weights: Iterable[float]) -> float:
    """Return exp of the entropy of the weights' shares (Hill 1973): the number of equal weights that is as even.

    It is the number of weights if all are equal, near 1 if one dominates, and 0 without any.
    """
    some = [weight for weight in weights if weight > 0]
    total = math.fsum(some)
    return math.exp(-math.fsum(weight / total * math.log(weight / total) for weight in some)) if some else 0.0
