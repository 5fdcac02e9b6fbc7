"""What compiled code has in common: its types, and how it mixes bits.

Types are the callers' to keep: buffers of uint8, offsets and ends of int64 with a leading 0, hashes of uint64.
numba keeps what it has compiled, and makes it anew where the file that holds the function has changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numba import njit
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Places = NDArray[np.int64]
Hashes = NDArray[np.uint64]
Signatures = NDArray[np.uint32]

if TYPE_CHECKING:
    Function = TypeVar("Function")

    def compiled(function: Function) -> Function:
        """The function itself: numba has no types."""
        return function

else:
    compiled = njit(nogil=True, cache=True)

SEED = np.uint64(0xCBF29CE484222325)
BASE = np.uint64(0x9E3779B97F4A7C15)  # odd, so that multiplying by its powers loses no bit of a word's hash
M1, M2 = np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53)
S32, S33 = np.uint64(32), np.uint64(33)


@compiled
def mixed(value: Any) -> Any:
    """MurmurHash3's finalizer for 64 bits (Appleby): every bit of the result depends on every bit."""
    value = (value ^ (value >> S33)) * M1
    value = (value ^ (value >> S33)) * M2
    return value ^ (value >> S33)
