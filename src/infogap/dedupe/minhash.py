"""MinHash (Broder 1997): hash texts, sign them, and cut the signatures into bands, so that similar texts share one.

The loops are compiled, in `hash_kernels`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from infogap.dedupe.batch_engines import engine
from infogap.user_cache import kept


@dataclass(frozen=True)
class Hashed:
    """A digest of each text, equal for texts with the same words (in lower case), and its n-grams' hashes.

    The n-grams of text i are `grams[ends[i]:ends[i + 1]]`, in order and with repetitions. A text without a word has
    none.
    """

    digests: list[bytes]
    grams: NDArray[np.uint64]
    ends: NDArray[np.int64]


def hashed(texts: pl.Series, n: int) -> Hashed:
    """Hash a column of texts without nulls.

    A word is a run without white space, or any character of a script without spaces (Chinese, Japanese, Thai,
    Khmer, Burmese). Punctuation stays with its word: `x+1` and `x-1` are different words. A text of fewer than `n`
    words is one n-gram.
    """
    from infogap.dedupe.hash_kernels import read_digests

    words, ends = word_hashes(texts)
    digests = np.empty((len(texts), 2), np.uint64)
    read_digests(words, ends, digests)
    grams, gram_ends = gram_hashes(words, ends, n)
    return Hashed(digests.view("V16")[:, 0].tolist(), grams, gram_ends)


def word_hashes(texts: pl.Series) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Hash the words of a column of texts without nulls, in lower case; those of text i are `[ends[i]:ends[i + 1]]`.

    `hashed` says what a word is.
    """
    from infogap.dedupe.hash_kernels import read_words

    # The kernel lowers ASCII, and leaves what Unicode says on other characters to Polars.
    plain = texts.str.len_bytes() == texts.str.len_chars()
    buffer, offsets = utf8(texts if plain.all() else texts.zip_with(plain, texts.str.to_lowercase()))
    words, ends = np.empty(int(offsets[-1] - offsets[0]), np.uint64), np.zeros(len(texts) + 1, np.int64)
    read_words(buffer, offsets, words, ends)
    return words[: ends[-1]], ends


def gram_hashes(
    words: NDArray[np.uint64], ends: NDArray[np.int64], n: int
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Hash the n-grams of texts given as hashes of words; a text of fewer than `n` words is one n-gram."""
    from infogap.dedupe.hash_kernels import read_grams

    grams, gram_ends = np.empty(len(words), np.uint64), np.zeros(len(ends), np.int64)
    read_grams(words, ends, n, grams, gram_ends)
    return grams[: gram_ends[-1]], gram_ends


def utf8(texts: pl.Series) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return the bytes of all texts in one buffer, and their bounds in it."""
    import pyarrow as pa

    column = texts.to_arrow().cast(pa.large_string())
    _, offsets, data = column.buffers()
    places = np.frombuffer(offsets, np.int64)[column.offset : column.offset + len(column) + 1]
    return np.frombuffer(data if data is not None else b"", np.uint8), places


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
    def drawn() -> list[list[int]]:
        from datasketch import MinHash

        permutations: list[list[int]] = MinHash(num_perm=num_perm, seed=SEED, scheme=SCHEME).permutations.tolist()
        return permutations

    # To import datasketch takes as long as to sign 15,000 texts.
    a, b = np.array(kept("permutations", [num_perm, SEED, SCHEME, version("datasketch")], drawn), np.uint32)
    return a, b


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
    """The distinct texts of each group, in the order of preference; `texts` are rows of the signatures."""

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
