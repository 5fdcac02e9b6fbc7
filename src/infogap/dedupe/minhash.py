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


def signatures(hashed: Hashed, num_perm: int) -> Signatures:
    """The signature of each text.

    It is what `datasketch.MinHash(num_perm, SEED, hashfunc=int, scheme=SCHEME)` gives for the upper 32 bits of the
    text's n-gram hashes.
    """
    from infogap.dedupe.pair_kernels import sign

    found = np.empty((len(hashed.ends) - 1, num_perm), np.uint32)
    sign(hashed.grams, hashed.ends, *_permutations(num_perm), found)
    return found


@lru_cache(maxsize=4)
def _permutations(num_perm: int) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    from datasketch import MinHash

    a, b = MinHash(num_perm=num_perm, seed=SEED, scheme=SCHEME).permutations
    return np.ascontiguousarray(a), np.ascontiguousarray(b)


RECALL = 0.995  # the least probability with which a pair exactly at the threshold is found


@dataclass(frozen=True)
class Bands:
    """`count` bands of `rows` signature values each; two texts meet if they agree in a whole band."""

    count: int
    rows: int

    def recall(self, similarity: float) -> float:
        """Probability that two texts of this Jaccard similarity meet: 1 - (1 - s^rows)^count.

        Leskovec, Rajaraman and Ullman, Mining of Massive Datasets, section 3.4.2.
        """
        return float(1 - (1 - similarity**self.rows) ** self.count)


def choose_bands(threshold: float, num_perm: int) -> Bands:
    """The longest bands (so the fewest needless comparisons) that find a pair at the threshold with `RECALL`.

    Where `num_perm` is too small for that, bands of one row, which find as many as can be found.
    """
    for rows in range(num_perm // 2, 1, -1):  # two bands at least: datasketch takes no fewer
        bands = Bands(num_perm // rows, rows)
        if bands.recall(threshold) >= RECALL:
            return bands
    return Bands(num_perm, 1)


# In a bucket an item looks at so many of those before it, and takes so many as candidates. A bucket with more is one of
# texts that all begin or end alike, and to compare each with each would take the square of their number.
VISITS, PARTNERS = 256, 32
# A pair whose signatures agree in fewer values than its Jaccard lets expect, by so many standard deviations, is none.
DEVIATIONS = 4.0


@dataclass(frozen=True)
class Items:
    """Different texts of each group, in the order in which they stay: `texts` are rows of the signatures."""

    groups: NDArray[np.int64]
    texts: NDArray[np.int64]

    def place_of(self, groups: NDArray[np.int64], texts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Which items these texts of these groups are; all must be there."""
        keys = item_keys(self.groups, self.texts)
        order = np.argsort(keys)
        found: NDArray[np.int64] = order[np.searchsorted(keys, item_keys(groups, texts), sorter=order)]
        return found


def item_keys(groups: NDArray[np.int64], texts: NDArray[np.int64]) -> NDArray[np.int64]:
    """A number for a text in a group: there are fewer than 2**31 of either."""
    keys: NDArray[np.int64] = (groups << 32) | texts
    return keys


@dataclass(frozen=True)
class Candidates:
    """Pairs of items, each once and sorted; `cut` searches stopped before the end of their bucket."""

    later: NDArray[np.int64]
    earlier: NDArray[np.int64]
    cut: int


def candidates(items: Items, signatures: Signatures, bands: Bands, threshold: float) -> Candidates:
    """All pairs of a group that agree in a band, but for those whose signatures are too far apart."""
    from infogap.dedupe.pair_kernels import merged

    least = fewest_agreeing(threshold, signatures.shape[1])
    limits = (least, VISITS, PARTNERS)
    found, cut = np.empty(0, np.uint64), 0
    for pairs, stopped in engine().map(_of_band, range(bands.count), items, signatures, bands, limits):
        found, cut = merged(found, pairs), cut + stopped
    return Candidates((found >> np.uint64(32)).astype(np.int64), (found & np.uint64(2**32 - 1)).astype(np.int64), cut)


def _of_band(
    band: int, items: Items, signatures: Signatures, bands: Bands, limits: tuple[int, int, int]
) -> tuple[NDArray[np.uint64], int]:
    from infogap.dedupe.pair_kernels import pairs_in_band

    order, starts = _buckets(_keys(items, signatures, band, bands))
    pairs, cut = pairs_in_band(order, starts, items.texts, signatures, *limits)
    pairs.sort()
    return pairs, cut


def fewest_agreeing(threshold: float, num_perm: int) -> int:
    """How many values of a pair at the threshold agree at least, but for one such pair in 30,000."""
    deviation = math.sqrt(threshold * (1 - threshold) / num_perm)
    return max(math.ceil(num_perm * (threshold - DEVIATIONS * deviation)), 1)


def _keys(items: Items, signatures: Signatures, band: int, bands: Bands) -> NDArray[np.uint64]:
    """A 64-bit hash of each item's group and band. Two that are equal by chance meet once in vain."""
    from infogap.dedupe.pair_kernels import band_keys

    drawn = np.random.default_rng(SEED).integers(1 << 63, size=bands.rows + 1, dtype=np.uint64)
    factors: NDArray[np.uint64] = drawn * np.uint64(2) + np.uint64(1)
    keys = np.empty(len(items.texts), np.uint64)
    band_keys(signatures, items.texts, items.groups, band * bands.rows, bands.rows, factors, keys)
    return keys


def _buckets(keys: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The items of buckets with two or more, ascending in each, and where each bucket begins (and the last ends)."""
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    new = np.r_[True, keys[1:] != keys[:-1]] if len(keys) else np.empty(0, np.bool_)
    sizes = np.diff(np.r_[np.flatnonzero(new), len(keys)])
    return order[np.repeat(sizes > 1, sizes)], np.r_[0, np.cumsum(sizes[sizes > 1])]
