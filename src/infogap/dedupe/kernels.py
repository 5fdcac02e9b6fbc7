"""What is done to every byte of every text, and to every candidate pair: compiled, without Python's lock.

Types are the callers' to keep: buffers of uint8, offsets and ends of int64 with a leading 0, hashes of uint64.
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

_SPACE, _ALONE, _JOINED = 0, 1, 2
_ZERO, _EIGHT, _SEED = np.uint64(0), np.uint64(8), np.uint64(0xCBF29CE484222325)
_BASE = np.uint64(0x9E3779B97F4A7C15)  # odd, so that multiplying by its powers loses no bit of a word's hash
_S32, _S33 = np.uint64(32), np.uint64(33)
_M1, _M2 = np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53)
_L13, _L16, _N1, _N2 = np.uint32(13), np.uint32(16), np.uint32(0x85EBCA6B), np.uint32(0xC2B2AE35)
_MOST = np.uint32(0xFFFFFFFF)


@compiled
def _mixed(value: Any) -> Any:
    """MurmurHash3's finalizer for 64 bits (Appleby): every bit of the result depends on every bit."""
    value = (value ^ (value >> _S33)) * _M1
    value = (value ^ (value >> _S33)) * _M2
    return value ^ (value >> _S33)


@compiled
def _kind(point: int) -> int:
    """What a character beyond ASCII is: white space as for `str.split`, a word by itself, or part of one.

    Scripts that put no spaces between words: each of their characters counts as a word.
    """
    if point < 0x3000:
        if point in (0x85, 0xA0, 0x1680, 0x2028, 0x2029, 0x202F, 0x205F) or 0x2000 <= point <= 0x200A:
            return _SPACE
        # Thai and Lao; Burmese; Khmer
        if 0x0E00 <= point <= 0x0EFF or 0x1000 <= point <= 0x109F or 0x1780 <= point <= 0x17FF:
            return _ALONE
        return _JOINED
    if point == 0x3000:
        return _SPACE
    # Chinese and Japanese and their punctuation
    if (
        point <= 0x30FF
        or 0x3400 <= point <= 0x4DBF
        or 0x4E00 <= point <= 0x9FFF
        or 0xF900 <= point <= 0xFAFF
        or 0xFF00 <= point <= 0xFFEF
        or 0x20000 <= point <= 0x3FFFF
    ):
        return _ALONE
    return _JOINED


@compiled
def _point(buffer: Bytes, place: int, size: int) -> Any:
    """The character of `size` bytes of UTF-8."""
    low = np.int64(buffer[place + size - 1]) & 63
    low |= (np.int64(buffer[place + size - 2]) & (31 if size == 2 else 63)) << 6
    if size > 2:
        low |= (np.int64(buffer[place + size - 3]) & (15 if size == 3 else 63)) << 12
    if size > 3:
        low |= (np.int64(buffer[place]) & 7) << 18
    return low


@compiled
def read_words(buffer: Bytes, offsets: Places, words: Hashes, ends: Places) -> None:
    """Fill in the hashes of each text's words: of eight bytes at a time, finalized. Texts are in lower case."""
    count = 0
    for text in range(len(offsets) - 1):
        place, stop = offsets[text], offsets[text + 1]
        word, held, within = _SEED, _ZERO, 0  # the hash so far, the bytes that are not in it yet, the bytes of the word
        while place < stop:
            byte = buffer[place]
            if 32 < byte < 0x80:  # by far the most
                held = (held << _EIGHT) | np.uint64(byte)
                within += 1
                place += 1
                if within & 7 == 0:
                    word, held = (word ^ held) * _M1, _ZERO
                    word ^= word >> _S32
                continue
            size = 1 if byte < 0x80 else 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            if size == 1:
                kind = _SPACE if byte == 32 or 9 <= byte <= 13 or 28 <= byte <= 31 else _JOINED
            else:
                kind = _kind(_point(buffer, place, size))
            if within and kind != _JOINED:
                words[count] = _mixed((word ^ held) * _M1 + np.uint64(within))
                count += 1
                word, held, within = _SEED, _ZERO, 0
            if kind != _SPACE:
                for step in range(size):
                    held = (held << _EIGHT) | np.uint64(buffer[place + step])
                    within += 1
                    if within & 7 == 0:
                        word, held = (word ^ held) * _M1, _ZERO
                        word ^= word >> _S32
                if kind == _ALONE:
                    words[count] = _mixed((word ^ held) * _M1 + np.uint64(within))
                    count += 1
                    word, held, within = _SEED, _ZERO, 0
            place += size
        if within:
            words[count] = _mixed((word ^ held) * _M1 + np.uint64(within))
            count += 1
        ends[text + 1] = count


@compiled
def read_digests(words: Hashes, ends: Places, digests: Hashes) -> None:
    """Fill in 128 bits for each text, two columns: equal where the texts have the same words in the same order."""
    for text in range(len(ends) - 1):
        one, other = _SEED, _BASE
        for place in range(ends[text], ends[text + 1]):
            one = (one ^ words[place]) * _M1
            one ^= one >> _S32
            other = (other + words[place]) * _M2
            other ^= other >> _S32
        digests[text, 0], digests[text, 1] = _mixed(one), _mixed(other)


@compiled
def read_grams(words: Hashes, ends: Places, n: int, grams: Hashes, gram_ends: Places) -> None:
    """Fill in each text's n-gram hashes, in order and with repetitions; fewer than `n` words are one n-gram.

    A hash is a polynomial, modulo 2**64, in the hashes of the words, finalized.
    """
    count = 0
    for text in range(len(ends) - 1):
        start, stop = ends[text], ends[text + 1]
        size = min(n, stop - start)
        if size:
            for first in range(start, stop - size + 1):
                value = np.uint64(0)
                for place in range(first, first + size):
                    value = value * _BASE + words[place]
                grams[count] = _mixed(value)
                count += 1
        gram_ends[text + 1] = count


@compiled
def sign(grams: Hashes, ends: Places, a: Signatures, b: Signatures, signatures: Signatures) -> None:
    """Fill in datasketch's `affine32` signatures of the upper 32 bits of each text's n-gram hashes."""
    for text in range(len(ends) - 1):
        row = signatures[text]
        row[:] = _MOST
        for place in range(ends[text], ends[text + 1]):
            # numba widens what it computes: cut back to 32 bits at every step, as the hardware's own arithmetic would.
            value = np.uint32(grams[place] >> _S32)
            value = np.uint32(np.uint32(value ^ (value >> _L16)) * _N1)
            value = np.uint32(np.uint32(value ^ (value >> _L13)) * _N2)
            value = np.uint32(value ^ (value >> _L16))
            for perm in range(len(a)):
                row[perm] = min(row[perm], np.uint32(a[perm] * value + b[perm]))


@compiled
def sort_unique(grams: Hashes, ends: Places, unique_ends: Places) -> None:
    """Sort each text's hashes and drop repetitions, in place from the beginning of `grams`."""
    count = 0
    for text in range(len(ends) - 1):
        grams[ends[text] : ends[text + 1]].sort()
        begun = count
        for place in range(ends[text], ends[text + 1]):
            if count == begun or grams[place] != grams[count - 1]:
                grams[count] = grams[place]
                count += 1
        unique_ends[text + 1] = count


@compiled
def jaccards(grams: Hashes, ends: Places, one: Places, other: Places, found: NDArray[np.float64]) -> None:
    """Fill in the exact Jaccard of pairs of texts, each by its place in `ends`; their hashes are sorted sets."""
    for pair in range(len(one)):
        i, i_stop = ends[one[pair]], ends[one[pair] + 1]
        j, j_stop = ends[other[pair]], ends[other[pair] + 1]
        total, shared = (i_stop - i) + (j_stop - j), 0
        while i < i_stop and j < j_stop:
            left, right = grams[i], grams[j]
            shared += left == right
            i += left <= right
            j += right <= left
        found[pair] = shared / (total - shared) if total > shared else 1.0


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
    """Candidate pairs of items that share a bucket, as `later << 32 | earlier`, and how many searches were cut short.

    `order` holds the items bucket after bucket, ascending in each, and `starts` where buckets begin (and the end).
    A pair is one if its signatures agree in `least` values. Each item looks at the first `visits` earlier ones of its
    bucket and takes `partners` of them at most, so that the work grows with the items and not with their square.
    """
    found = np.empty(1024, np.uint64)
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
                    if count == len(found):
                        larger = np.empty(2 * len(found), np.uint64)
                        larger[:count] = found
                        found = larger
                    found[count] = (np.uint64(later) << _S32) | np.uint64(earlier)
                    count += 1
                    taken += 1
                    if taken == partners:
                        break
            if last < place and taken < partners:
                cut += 1
    return found[:count].copy(), cut
