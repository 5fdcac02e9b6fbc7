"""MinHash signatures, candidate pairs and their exact Jaccard, compiled by numba to run without Python's lock."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from infogap.dedupe.hash_kernels import S32, Hashes, Signatures
from infogap.text.compiled import Places, compiled

_S29 = np.uint64(29)
_L13, _L16, _N1, _N2 = np.uint32(13), np.uint32(16), np.uint32(0x85EBCA6B), np.uint32(0xC2B2AE35)
_MOST = np.uint32(0xFFFFFFFF)


@compiled
def sign(grams: Hashes, ends: Places, a: Signatures, b: Signatures, signatures: Signatures) -> None:
    """Fill in datasketch's `affine32` signatures of the upper 32 bits of each text's n-gram hashes."""
    for text in range(len(ends) - 1):
        row = signatures[text]
        row[:] = _MOST
        place, stop = ends[text], ends[text + 1]
        while place + 4 <= stop:  # four at a time, so that a row is loaded and stored a quarter as often
            one, two = _mixed_token(grams[place]), _mixed_token(grams[place + 1])
            three, four = _mixed_token(grams[place + 2]), _mixed_token(grams[place + 3])
            for perm in range(len(a)):
                first = min(np.uint32(a[perm] * one + b[perm]), np.uint32(a[perm] * two + b[perm]))
                second = min(np.uint32(a[perm] * three + b[perm]), np.uint32(a[perm] * four + b[perm]))
                row[perm] = min(row[perm], first, second)
            place += 4
        for last in range(place, stop):
            value = _mixed_token(grams[last])
            for perm in range(len(a)):
                row[perm] = min(row[perm], np.uint32(a[perm] * value + b[perm]))


@compiled
def _mixed_token(gram: np.uint64) -> np.uint32:
    """Mix the upper 32 bits of a hash, as `affine32` does with a token."""
    # numba widens results: cut them back to 32 bits at every step, as 32-bit arithmetic would.
    value = np.uint32(gram >> S32)
    value = np.uint32(np.uint32(value ^ (value >> _L16)) * _N1)
    value = np.uint32(np.uint32(value ^ (value >> _L13)) * _N2)
    return np.uint32(value ^ (value >> _L16))


@compiled
def set_sizes(grams: Hashes, ends: Places, sizes: Places) -> None:
    """Fill in the number of distinct hashes of each text."""
    table, marks = _empty_table(ends)
    for text in range(len(ends) - 1):
        sizes[text] = _make_set(grams[ends[text] : ends[text + 1]], table, marks, text + 1)


@compiled
def jaccards(
    grams: Hashes, ends: Places, sizes: Places, one: Places, other: Places, values: NDArray[np.float64]
) -> None:
    """Fill in the exact Jaccard of pairs of texts (positions in `ends`), of the sets of their hashes.

    `sizes` are those of the sets. Pairs with the same `one` should be adjacent: its set is then built once for all.
    """
    table, marks = _empty_table(ends)
    held, begun, last, mark = -1, 0, 0, 0
    for pair in range(len(one)):
        if one[pair] != held:
            held = one[pair]
            mark += 1
            begun = mark
            last = _slots(ends[held + 1] - ends[held]) - 1
            _make_set(grams[ends[held] : ends[held + 1]], table, marks, mark)
        mark += 1
        shared = 0
        for place in range(ends[other[pair]], ends[other[pair] + 1]):
            slot = np.int64(grams[place]) & last
            while marks[slot] >= begun and table[slot] != grams[place]:
                slot = (slot + 1) & last
            if begun <= marks[slot] < mark:  # in both, and not counted yet
                shared += 1
                marks[slot] = mark
        total = sizes[held] + sizes[other[pair]]
        values[pair] = shared / (total - shared) if total > shared else 1.0


@compiled
def _empty_table(ends: Places) -> tuple[Hashes, Places]:
    """Allocate a table for any text's set. A slot is taken if its mark is the current set's, or a later one."""
    longest = 1
    for text in range(len(ends) - 1):
        longest = max(longest, ends[text + 1] - ends[text])
    slots = _slots(longest)
    return np.empty(slots, np.uint64), np.zeros(slots, np.int64)


@compiled
def _slots(hashes: int) -> int:
    """Return the size of a table for this many hashes: a power of two, at least half of it empty."""
    slots = 2
    while slots < 2 * hashes:
        slots *= 2
    return slots


@compiled
def _make_set(grams: Hashes, table: Hashes, marks: Places, mark: int) -> int:
    """Insert hashes into the table, whose other marks are below `mark`; return the number of distinct ones."""
    last = _slots(len(grams)) - 1
    count = 0
    for gram in grams:
        slot = np.int64(gram) & last
        while marks[slot] == mark and table[slot] != gram:
            slot = (slot + 1) & last
        if marks[slot] != mark:
            marks[slot], table[slot] = mark, gram
            count += 1
    return count


@compiled
def band_keys(
    signatures: Signatures, texts: Places, groups: Places, first: int, rows: int, factors: Hashes, keys: Hashes
) -> None:
    """Fill in a 64-bit hash of each item's group and band: `rows` values of its text's signature from `first` on."""
    for item in range(len(texts)):
        row = signatures[texts[item]]
        key = np.uint64(groups[item]) * factors[rows]
        for place in range(rows):
            key = (key ^ (key >> _S29)) * factors[place] + np.uint64(row[first + place])
        keys[item] = key


@compiled
def merged(one: Hashes, other: Hashes) -> Hashes:
    """Merge two sorted arrays into the sorted distinct values."""
    both = np.empty(len(one) + len(other), np.uint64)
    count = i = j = 0
    while i < len(one) or j < len(other):
        if j == len(other) or (i < len(one) and one[i] <= other[j]):
            value = one[i]
            i += 1
        else:
            value = other[j]
            j += 1
        if count == 0 or value != both[count - 1]:
            both[count] = value
            count += 1
    return both[:count]


@compiled
def pairs_in_band(
    order: Places,
    starts: Places,
    texts: Places,
    signatures: Signatures,
    least: int,
    visits: int,
    partners: int,
) -> tuple[NDArray[np.uint64], int]:
    """Return candidate pairs that share a bucket, as `later << 32 | earlier`, and the number of searches cut short.

    `order` holds the items bucket after bucket, ascending in each, and `starts` where buckets begin (and the end).
    A pair is one if its signatures agree in `least` values. Each item looks at the first `visits` earlier ones of its
    bucket and takes `partners` of them at most, so that the work grows with the items and not with their square.
    """
    pairs = np.empty(1024, np.uint64)
    count = cut = 0
    for bucket in range(len(starts) - 1):
        start, stop = starts[bucket], starts[bucket + 1]
        for place in range(start + 1, stop):
            later = order[place]
            row = signatures[texts[later]]
            taken = 0
            last = min(place, start + visits)
            for before in range(start, last):
                earlier = order[before]
                other = signatures[texts[earlier]]
                agreed = 0
                for perm in range(len(row)):
                    agreed += row[perm] == other[perm]
                if agreed >= least:
                    if count == len(pairs):
                        larger = np.empty(2 * len(pairs), np.uint64)
                        for known in range(count):  # numba takes seconds to compile a slice assignment
                            larger[known] = pairs[known]
                        pairs = larger
                    pairs[count] = (np.uint64(later) << S32) | np.uint64(earlier)
                    count += 1
                    taken += 1
                    if taken == partners:
                        break
            if last < place and taken < partners:
                cut += 1
    return pairs[:count].copy(), cut
