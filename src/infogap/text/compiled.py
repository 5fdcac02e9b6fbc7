"""Compile functions over arrays by numba, which keeps the compiled code in its cache."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numba import njit
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Numbers = NDArray[np.int32]
Places = NDArray[np.int64]

if TYPE_CHECKING:
    Function = TypeVar("Function")

    def compiled(function: Function) -> Function:
        """Return the function itself: numba has no types."""
        return function

else:
    compiled = njit(nogil=True, cache=True)


@compiled
def grown(values: Numbers) -> Numbers:
    """Copy the rows of a table into one with twice as many."""
    larger = np.empty((2 * len(values), values.shape[1]), np.int32)
    for row in range(len(values)):  # numba takes five seconds to compile a slice assignment
        for column in range(values.shape[1]):
            larger[row, column] = values[row, column]
    return larger
