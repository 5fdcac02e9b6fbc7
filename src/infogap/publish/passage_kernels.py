"""Read the words of UTF-8 texts, and look their n-grams up: compiled by numba, without Python's lock.

Callers must pass these types: buffers of uint8, offsets and ends of int64 with a leading 0, tables of uint32, hashes of
uint64. numba caches the compiled code.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from infogap.text.compiled import Bytes, Places, compiled

Hashes = NDArray[np.uint64]

ALONE = np.uint32(1 << 31)  # marks a character that is a word by itself
_NONE, _ZERO = np.uint32(0), np.uint64(0)
_BASE = np.uint64(0x9E3779B97F4A7C15)  # odd, so that multiplying by its powers loses no bit of a word's hash
_M1, _M2 = np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53)
_S3, _S5, _S33, _S59 = np.uint64(3), np.uint64(5), np.uint64(33), np.uint64(59)
_SEVEN, _ONE = np.uint64(7), np.uint64(1)


@compiled
def _mixed(value: Any) -> Any:
    """MurmurHash3's finalizer for 64 bits (Appleby): every bit of the result depends on every bit."""
    value = (value ^ (value >> _S33)) * _M1
    value = (value ^ (value >> _S33)) * _M2
    return value ^ (value >> _S33)


@compiled
def _point(buffer: Bytes, place: int, size: int) -> Any:
    """Decode the character of `size` bytes, at least two, of UTF-8."""
    point = np.int64(buffer[place]) & (0x7F >> size)
    for step in range(1, size):
        point = point << 6 | np.int64(buffer[place + step]) & 63
    return point


@compiled
def read_words(
    buffer: Bytes, offsets: Places, ascii_hashes: Hashes, folded: NDArray[np.uint32], words: Hashes, ends: Places
) -> None:
    """Fill in the hashes of each text's words: runs of characters that are not 0 in the tables.

    `ascii_hashes` has the hash of each character below 128, `folded` what any character counts as (those beyond its end
    are 0): it can be empty if all texts are ASCII. `words` needs room for one more than there are.
    """
    count = 0
    for text in range(len(offsets) - 1):
        place, stop = offsets[text], offsets[text + 1]
        value = _ZERO
        while place < stop:
            byte = buffer[place]
            if byte < 0x80:
                character = ascii_hashes[byte]
                place += 1
            else:
                size = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
                point = _point(buffer, place, size)
                place += size
                known = folded[point] if point < len(folded) else _NONE
                character = _mixed(np.uint64(known)) if known else _ZERO
                if known >= ALONE:
                    words[count] = value
                    count += value != _ZERO
                    value = character
                    character = _ZERO
            # Without branches, which a processor would guess wrong at the end of most words.
            words[count] = value
            count += (character == _ZERO) & (value != _ZERO)
            value = ((value << _S5 | value >> _S59) ^ character) if character != _ZERO else _ZERO
        words[count] = value
        count += value != _ZERO
        ends[text + 1] = count
    for word in range(count):
        words[word] = _mixed(words[word])


@compiled
def hash_characters(folded: NDArray[np.uint32], hashes: Hashes) -> None:
    """Fill in the hash of each character, given what it counts as; 0 stays 0."""
    for place in range(len(folded)):
        hashes[place] = _mixed(np.uint64(folded[place]))


@compiled
def read_grams(words: Hashes, ends: Places, n: int, step: int, least: int, grams: Hashes, places: Places) -> int:
    """Fill in every `step`-th n-gram of each text of at least `least` words, and its place among the words.

    Return their number.
    """
    count = 0
    for text in range(len(ends) - 1):
        start, stop = ends[text], ends[text + 1]
        if stop - start >= least:
            for first in range(start, stop - n + 1, step):
                value = _ZERO
                for place in range(first, first + n):
                    value = value * _BASE + words[place]
                grams[count], places[count] = _mixed(value), first
                count += 1
    return count


@compiled
def set_bits(grams: Hashes, bits: Bytes) -> None:
    """Set two bits of each n-gram in a filter (Bloom 1970), whose number of bytes is a power of two."""
    last = np.uint64(len(bits) - 1)
    for gram in grams:
        for half in (gram, gram >> _S33):
            bits[(half >> _S3) & last] |= np.uint8(_ONE << (half & _SEVEN))


@compiled
def passing_grams(words: Hashes, ends: Places, n: int, bits: Bytes, grams: Hashes, places: Places) -> int:
    """Fill in the n-grams whose bits are set, and their places among the words; return their number."""
    last, power = np.uint64(len(bits) - 1), _ONE
    for _ in range(n):
        power *= _BASE
    count = 0
    for text in range(len(ends) - 1):
        start, stop = ends[text], ends[text + 1]
        value = _ZERO
        for place in range(start, stop):
            # The polynomial of the last n words: the next one enters, and the one before them leaves.
            value = value * _BASE + words[place]
            if place - start >= n:
                value -= words[place - n] * power
            if place - start >= n - 1:
                gram = _mixed(value)
                half = gram >> _S33
                if (
                    bits[(gram >> _S3) & last] >> np.uint8(gram & _SEVEN) & 1
                    and bits[(half >> _S3) & last] >> np.uint8(half & _SEVEN) & 1
                ):
                    grams[count], places[count] = gram, place - n + 1
                    count += 1
    return count
