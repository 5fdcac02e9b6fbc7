"""Hash the words of UTF-8 texts, eight bytes at a time, and their n-grams: compiled by numba, without Python's lock.

Callers must pass these types: buffers of uint8, offsets and ends of int64 with a leading 0, hashes of uint64. numba
caches the compiled code, and recompiles it when the file that holds the function changes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from infogap.text.compiled import Bytes, Places, compiled

Hashes = NDArray[np.uint64]
Signatures = NDArray[np.uint32]

SEED = np.uint64(0xCBF29CE484222325)
BASE = np.uint64(0x9E3779B97F4A7C15)  # odd, so that multiplying by its powers loses no bit of a word's hash
M1, M2 = np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53)
S32, S33 = np.uint64(32), np.uint64(33)
_SPACE, _ALONE, _JOINED = 0, 1, 2
_ZERO, _ONE, _S7 = np.uint64(0), np.uint64(1), np.uint64(7)
_I1, _I2, _I3, _I4, _I5, _I6, _I7 = (np.uint64(place) for place in range(1, 8))
_S8, _S16, _S24, _S40, _S48, _S56 = (np.uint64(8 * place) for place in (1, 2, 3, 5, 6, 7))
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
# The lowest bit of each of eight bytes, and the highest.
_ONES, _HIGHS = np.uint64(0x0101010101010101), np.uint64(0x8080808080808080)
_BANGS = np.uint64(0x2121212121212121)  # "!", the first ASCII character after white space and control characters
# What carries into the highest bit of a byte from "A" on, and from the one after "Z" on.
_FROM_A, _AFTER_Z, _LOWS = np.uint64(0x3F3F3F3F3F3F3F3F), np.uint64(0x2525252525252525), np.uint64(0x7F7F7F7F7F7F7F7F)
_TWO = np.uint64(2)


@compiled
def mixed(value: Any) -> Any:
    """MurmurHash3's finalizer for 64 bits (Appleby): every bit of the result depends on every bit."""
    value = (value ^ (value >> S33)) * M1
    value = (value ^ (value >> S33)) * M2
    return value ^ (value >> S33)


@compiled
def _kind(point: int) -> int:
    """Classify a character beyond ASCII: white space as for `str.split`, a word by itself, or part of one.

    In scripts without spaces between words, each character counts as a word.
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
    """Decode the character of `size` bytes of UTF-8."""
    low = np.int64(buffer[place + size - 1]) & 63
    low |= (np.int64(buffer[place + size - 2]) & (31 if size == 2 else 63)) << 6
    if size > 2:
        low |= (np.int64(buffer[place + size - 3]) & (15 if size == 3 else 63)) << 12
    if size > 3:
        low |= (np.int64(buffer[place]) & 7) << 18
    return low


@compiled
def _eight(buffer: Bytes, place: int) -> Any:
    """Read eight bytes from `place` as a little-endian number, zeros beyond the end. It compiles to one load."""
    if place + 8 <= len(buffer):
        at = np.uint64(place)  # an index that cannot be negative
        low = np.uint64(buffer[at]) | np.uint64(buffer[at + _I1]) << _S8
        low |= np.uint64(buffer[at + _I2]) << _S16 | np.uint64(buffer[at + _I3]) << _S24
        high = np.uint64(buffer[at + _I4]) << S32 | np.uint64(buffer[at + _I5]) << _S40
        return low | high | np.uint64(buffer[at + _I6]) << _S48 | np.uint64(buffer[at + _I7]) << _S56
    value = _ZERO
    for step in range(len(buffer) - place):
        value |= np.uint64(buffer[place + step]) << np.uint64(8 * step)
    return value


@compiled
def _plain(eight: Any) -> Any:
    """Return a mask of the bytes before the first one that is white space, control or beyond ASCII.

    That byte is the lowest whose highest bit is set in `other`; a borrow only disturbs the bytes above it.
    """
    other = ((eight - _BANGS) | eight) & _HIGHS
    return ((other & (~other + _ONE)) >> _S7) - _ONE


@compiled
def _lower(eight: Any) -> Any:
    """Turn the ASCII capitals among eight bytes into small letters; the other bytes stay."""
    low = eight & _LOWS
    capitals = ((low + _FROM_A) ^ (low + _AFTER_Z)) & ~eight & _HIGHS
    return eight | (capitals >> _TWO)


@compiled
def _bytes(mask: Any) -> int:
    """Count the bytes of a mask of whole bytes."""
    return int(((mask & _ONES) * _ONES) >> _S56)


@compiled
def _word_end(buffer: Bytes, place: int, stop: int) -> int:
    """Return the end of the word at `place`: white space, or a character that is a word by itself."""
    while place < stop:
        count = _bytes(_plain(_eight(buffer, place)))
        place += count
        if count == 8:
            continue
        if place >= stop or _ascii_space(buffer[place]):
            break
        size = _size(buffer[place])
        if size > 1 and _kind(_point(buffer, place, size)) != _JOINED:
            break
        place += size
    return min(place, stop)


@compiled
def _word(buffer: Bytes, place: int, stop: int) -> Any:
    """Hash the bytes of a word, eight at a time."""
    value, length = SEED, stop - place
    while place + 8 <= stop:
        value = _joined(value, _lower(_eight(buffer, place)))
        place += 8
    rest = _lower(_eight(buffer, place)) & ((_ONE << np.uint64(8 * (stop - place))) - _ONE)
    return _finished(value, rest, length)


@compiled
def _joined(value: Any, eight: Any) -> Any:
    value = (value ^ eight) * M1
    return value ^ (value >> S32)


@compiled
def _finished(value: Any, rest: Any, length: int) -> Any:
    return mixed((value ^ rest) * M1 + np.uint64(length))


@compiled
def _ascii_space(byte: int) -> bool:
    return byte == 32 or 9 <= byte <= 13 or 28 <= byte <= 31


@compiled
def _size(byte: int) -> int:
    """Return the size in bytes of the character that begins with this one."""
    return 1 if byte < 0x80 else 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4


@compiled
def read_words(buffer: Bytes, offsets: Places, words: Hashes, ends: Places) -> None:
    """Fill in the hashes of each text's words, ASCII in lower case. Other characters must be in lower case already."""
    count = 0
    for text in range(len(offsets) - 1):
        place, stop = offsets[text], offsets[text + 1]
        while place < stop:
            value, end = SEED, place
            eight = _eight(buffer, end)
            plain = _plain(eight)
            while plain == _ALL and end < stop:
                value, end = _joined(value, _lower(eight)), end + 8
                eight = _eight(buffer, end)
                plain = _plain(eight)
            end += _bytes(plain)
            if place < end < stop and buffer[end] == 32:  # the case of nearly all words
                words[count] = _finished(value, _lower(eight) & plain, end - place)
                count += 1
                place = end + 1
                continue
            byte = buffer[place]
            size, kind = 1, _JOINED
            if byte >= 0x80:
                size = _size(byte)
                kind = _kind(_point(buffer, place, size))
            elif _ascii_space(byte):
                kind = _SPACE
            end = place + size
            if kind == _JOINED:
                end = _word_end(buffer, place, stop)
            if kind != _SPACE:
                words[count] = _word(buffer, place, end)
                count += 1
            place = end
        ends[text + 1] = count


@compiled
def read_digests(words: Hashes, ends: Places, digests: Hashes) -> None:
    """Fill in 128 bits for each text, two columns: equal where the texts have the same words in the same order."""
    for text in range(len(ends) - 1):
        one, other = SEED, BASE
        for place in range(ends[text], ends[text + 1]):
            one = (one ^ words[place]) * M1
            one ^= one >> S32
            other = (other + words[place]) * M2
            other ^= other >> S32
        digests[text, 0], digests[text, 1] = mixed(one), mixed(other)


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
            value, top = np.uint64(0), _ONE
            for place in range(start, start + size):
                value = value * BASE + words[place]
                top = top * BASE if place > start else top
            grams[count] = mixed(value)
            count += 1
            for place in range(start + size, stop):  # without the first word, and with the next one
                value = (value - words[place - size] * top) * BASE + words[place]
                grams[count] = mixed(value)
                count += 1
        gram_ends[text + 1] = count
