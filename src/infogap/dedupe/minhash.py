"""MinHash signatures (Broder 1997) of shingle sets, by datasketch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from infogap.dedupe.bands import Bands
from infogap.dedupe.shingles import Shingles

SCHEME: Literal["affine32"] = "affine32"
SEED = 1  # of the permutations; fixed, so that equal texts have equal signatures in every run

Signature = NDArray[np.uint32]
Signatures = NDArray[np.uint32]  # one row per text


def signatures(sets: Iterable[Shingles], num_perm: int) -> Iterator[Signature]:
    """The signature of each shingle set: `num_perm` values of 32 bits."""
    from datasketch import MinHash

    low_bits = ((shingle_set & np.uint64(0xFFFFFFFF)).tolist() for shingle_set in sets)
    # The shingles are hashes already, so `int` is all the hashing that is left to do.
    for minhash in MinHash.generator(low_bits, num_perm=num_perm, seed=SEED, hashfunc=int, scheme=SCHEME):
        yield minhash.hashvalues


def share_a_band(rows: Signatures, groups: NDArray[np.int64], bands: Bands) -> NDArray[np.bool_]:
    """Which rows agree in a whole band with another row of their group.

    Only these can turn out as near-duplicates. Bands are compared by a 64-bit hash, so a row too many may be
    named, never one too few.
    """
    shares = np.zeros(len(rows), dtype=np.bool_)
    factors = np.random.default_rng(SEED).integers(1 << 63, size=bands.rows + 1, dtype=np.uint64) * np.uint64(2)
    factors += np.uint64(1)
    group_keys = groups.astype(np.uint64) * factors[-1]
    for band in range(bands.count):
        keys = group_keys.copy()
        for row in range(bands.rows):
            keys = (keys ^ (keys >> np.uint64(29))) * factors[row] + rows[:, band * bands.rows + row]
        _, place, size = np.unique(keys, return_inverse=True, return_counts=True)
        shares |= size[place] > 1
    return shares
