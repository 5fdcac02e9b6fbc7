"""Words of UTF-8 as hashes, eight bytes at a time."""

from __future__ import annotations

from typing import Any

import numpy as np

from infogap.dedupe.compiled import M1, S32, SEED, Bytes, Hashes, Places, compiled, mixed

_SPACE, _ALONE, _JOINED = 0, 1, 2
_ZERO, _ONE, _S7 = np.uint64(0), np.uint64(1), np.uint64(7)
_I1, _I2, _I3, _I4, _I5, _I6, _I7 = (np.uint64(place) for place in range(1, 8))
_S8, _S16, _S24, _S40, _S48, _S56 = (np.uint64(8 * place) for place in (1, 2, 3, 5, 6, 7))
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
# Of each of eight bytes the lowest bit, and the highest.
_ONES, _HIGHS = np.uint64(0x0101010101010101), np.uint64(0x8080808080808080)
_BANGS = np.uint64(0x2121212121212121)  # "!", the first ASCII character that is no white space and no control


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
def _eight(buffer: Bytes, place: int) -> Any:
    """The eight bytes from `place` as a little-endian number, zeros beyond the end. The sum becomes one load."""
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
    """All bits of those of the eight bytes that are before the first that is white space, control or beyond ASCII.

    That byte is the lowest with its highest bit in `other`: what is borrowed only disturbs those above.
    """
    other = ((eight - _BANGS) | eight) & _HIGHS
    return ((other & (~other + _ONE)) >> _S7) - _ONE


@compiled
def _bytes(mask: Any) -> int:
    """How many bytes a mask of whole bytes has."""
    return int(((mask & _ONES) * _ONES) >> _S56)


@compiled
def _word_end(buffer: Bytes, place: int, stop: int) -> int:
    """Where the word that `place` is in ends: at white space, or a character that is a word by itself."""
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
    """The hash of the bytes of a word, eight at a time."""
    value, length = SEED, stop - place
    while place + 8 <= stop:
        value = _joined(value, _eight(buffer, place))
        place += 8
    rest = _eight(buffer, place) & ((_ONE << np.uint64(8 * (stop - place))) - _ONE)
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
    """The bytes of the character that begins with this one."""
    return 1 if byte < 0x80 else 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4


@compiled
def read_words(buffer: Bytes, offsets: Places, words: Hashes, ends: Places) -> None:
    """Fill in the hashes of each text's words. Texts are in lower case, in UTF-8."""
    count = 0
    for text in range(len(offsets) - 1):
        place, stop = offsets[text], offsets[text + 1]
        while place < stop:
            value, end = SEED, place
            eight = _eight(buffer, end)
            plain = _plain(eight)
            while plain == _ALL and end < stop:
                value, end = _joined(value, eight), end + 8
                eight = _eight(buffer, end)
                plain = _plain(eight)
            end += _bytes(plain)
            if place < end < stop and buffer[end] == 32:  # by far the most words
                words[count] = _finished(value, eight & plain, end - place)
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
