"""MinHash (Broder 1997): signatures of texts, cut into bands, so that similar texts share one and are candidates."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from infogap.dedupe.batch_engines import engine
from infogap.dedupe.hashing import Hashed

SCHEME: Literal["affine32"] = "affine32"
SEED = 1  # of the permutations; fixed, so that equal texts have equal signatures in every run

Signatures = NDArray[np.uint32]  # one row per text
RECALL = 0.995  # the lowest acceptable probability of detecting a pair exactly at the threshold
# Within a bucket an item is compared with at most VISITS earlier ones, and becomes a candidate with at most PARTNERS. A
# larger bucket holds texts that all begin or end alike, and comparing all of its pairs would take quadratic time.
VISITS, PARTNERS = 256, 32
# A pair is dropped if its signatures agree in fewer values than expected at the threshold, by this many deviations.
DEVIATIONS = 4.0


def signatures(hashed: Hashed, num_perm: int) -> Signatures:
    """Sign each text: a row of `num_perm` values of uint32.

    The result is what `datasketch.MinHash(num_perm, SEED, hashfunc=int, scheme=SCHEME)` gives for the upper 32 bits of
    the text's n-gram hashes.
    """
    from infogap.dedupe.pair_kernels import sign

    signed = np.empty((len(hashed.ends) - 1, num_perm), np.uint32)
    sign(hashed.grams, hashed.ends, *_permutations(num_perm), signed)
    return signed


@lru_cache(maxsize=4)
def _permutations(num_perm: int) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    from datasketch import MinHash

    a, b = MinHash(num_perm=num_perm, seed=SEED, scheme=SCHEME).permutations
    return np.ascontiguousarray(a), np.ascontiguousarray(b)


@dataclass(frozen=True)
class Bands:
    """`count` bands of `rows` signature values each; two texts become candidates if they agree in a whole band."""

    count: int
    rows: int

    def recall(self, similarity: float) -> float:
        """Return the probability that two texts of this Jaccard similarity become candidates: 1 - (1 - s^rows)^count.

        Leskovec, Rajaraman and Ullman, Mining of Massive Datasets, section 3.4.2.
        """
        return float(1 - (1 - similarity**self.rows) ** self.count)


def choose_bands(threshold: float, num_perm: int) -> Bands:
    """Return the longest bands (so the fewest needless comparisons) that detect a pair at the threshold with `RECALL`.

    If `num_perm` is too small for that, return bands of one row, which detect the most.
    """
    for rows in range(num_perm // 2, 1, -1):  # two bands at least: datasketch takes no fewer
        bands = Bands(num_perm // rows, rows)
        if bands.recall(threshold) >= RECALL:
            return bands
    return Bands(num_perm, 1)


@dataclass(frozen=True)
class Items:
    """The distinct texts of each group, those that are kept first first; `texts` are rows of the signatures."""

    groups: NDArray[np.int64]
    texts: NDArray[np.int64]

    def place_of(self, groups: NDArray[np.int64], texts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the positions of the items with these groups and texts; all must exist."""
        keys = item_keys(self.groups, self.texts)
        order = np.argsort(keys)
        places: NDArray[np.int64] = order[np.searchsorted(keys, item_keys(groups, texts), sorter=order)]
        return places


def item_keys(groups: NDArray[np.int64], texts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Pack group and text into one number; there are fewer than 2**31 of either."""
    keys: NDArray[np.int64] = (groups << 32) | texts
    return keys


@dataclass(frozen=True)
class Candidates:
    """Distinct pairs of items, sorted; `cut` searches stopped before the end of their bucket."""

    later: NDArray[np.int64]
    earlier: NDArray[np.int64]
    cut: int


def candidates(items: Items, signatures: Signatures, bands: Bands, threshold: float) -> Candidates:
    """Return the pairs of a group that agree in a band and whose signatures are close enough."""
    from infogap.dedupe.pair_kernels import merged

    least = fewest_agreeing(threshold, signatures.shape[1])
    limits = (least, VISITS, PARTNERS)
    packed, cut = np.empty(0, np.uint64), 0
    for pairs, stopped in engine().map(_of_band, range(bands.count), items, signatures, bands, limits):
        packed, cut = merged(packed, pairs), cut + stopped
    later, earlier = packed >> np.uint64(32), packed & np.uint64(2**32 - 1)
    return Candidates(later.astype(np.int64), earlier.astype(np.int64), cut)


def _of_band(
    band: int, items: Items, signatures: Signatures, bands: Bands, limits: tuple[int, int, int]
) -> tuple[NDArray[np.uint64], int]:
    from infogap.dedupe.pair_kernels import pairs_in_band

    order, starts = _buckets(_keys(items, signatures, band, bands))
    pairs, cut = pairs_in_band(order, starts, items.texts, signatures, *limits)
    pairs.sort()
    return pairs, cut


def fewest_agreeing(threshold: float, num_perm: int) -> int:
    """Return how many signature values of a pair at the threshold agree, at least, for all but one in 30,000 pairs."""
    deviation = math.sqrt(threshold * (1 - threshold) / num_perm)
    return max(math.ceil(num_perm * (threshold - DEVIATIONS * deviation)), 1)


def _keys(items: Items, signatures: Signatures, band: int, bands: Bands) -> NDArray[np.uint64]:
    """Hash each item's group and band to 64 bits. A collision costs one needless comparison."""
    from infogap.dedupe.pair_kernels import band_keys

    drawn = np.random.default_rng(SEED).integers(1 << 63, size=bands.rows + 1, dtype=np.uint64)
    factors: NDArray[np.uint64] = drawn * np.uint64(2) + np.uint64(1)
    keys = np.empty(len(items.texts), np.uint64)
    band_keys(signatures, items.texts, items.groups, band * bands.rows, bands.rows, factors, keys)
    return keys


def _buckets(keys: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the items of buckets with two or more, ascending within each, and the bounds of the buckets."""
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    new = np.r_[True, keys[1:] != keys[:-1]] if len(keys) else np.empty(0, np.bool_)
    sizes = np.diff(np.r_[np.flatnonzero(new), len(keys)])
    return order[np.repeat(sizes > 1, sizes)], np.r_[0, np.cumsum(sizes[sizes > 1])]
