"""MinHash signatures (Broder 1997): datasketch's own permutations, applied to many texts at a time."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from infogap.dedupe.ngram_hashes import Hashed

SCHEME: Literal["affine32"] = "affine32"
SEED = 1  # of the permutations; fixed, so that equal texts have equal signatures in every run

Signatures = NDArray[np.uint32]  # one row per text


def signatures(hashed: Hashed, num_perm: int) -> Signatures:
    """The signature of each text.

    It is what `datasketch.MinHash(num_perm, SEED, hashfunc=int, scheme=SCHEME)` gives for the upper 32 bits of the
    text's n-gram hashes.
    """
    from infogap.dedupe.kernels import sign

    found = np.empty((len(hashed.ends) - 1, num_perm), np.uint32)
    sign(hashed.grams, hashed.ends, *_permutations(num_perm), found)
    return found


@lru_cache(maxsize=4)
def _permutations(num_perm: int) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    from datasketch import MinHash

    a, b = MinHash(num_perm=num_perm, seed=SEED, scheme=SCHEME).permutations
    return np.ascontiguousarray(a), np.ascontiguousarray(b)
