"""Count how often each row was drawn, compiled by numba."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numba import njit
from numpy.typing import NDArray

if TYPE_CHECKING:
    Function = TypeVar("Function")

    def compiled(function: Function) -> Function:
        """Return the function itself: numba has no types."""
        return function

else:
    compiled = njit(nogil=True, cache=True)


@compiled
def count_draws(drawn: NDArray[np.int32], counts: NDArray[np.float64]) -> None:
    """Add 1 to `counts[i, j]` for every j in row i of `drawn`."""
    for row in range(len(drawn)):
        for place in drawn[row]:
            counts[row, place] += 1.0
