"""Compare the words of traces with those of contexts and questions, compiled by numba.

A word is its hash of 64 bits, an n-gram its words; equal hashes are taken for equal words.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infogap.text.characters import IDEOGRAPH_RANGES
from infogap.text.compiled import Bytes, Numbers, Places, compiled, grown

Hashes = NDArray[np.uint64]
Flags = NDArray[np.bool_]

POINTS = 0x20000
"""Code points that `character_kinds` knows; texts with others are split beforehand."""
_LETTER, _IDEOGRAPH = 1, 2
_FOLLOWED = 4  # occurrences of one n-gram in a context, so that an endlessly repetitive context costs no more
_OFFSET, _PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)  # FNV-1a
_MIX, _HALF = np.uint64(0xFF51AFD7ED558CCD), np.uint64(32)
_BASE = np.uint64(0x9E3779B97F4A7C15)
_FIRST_ROWS = 256
_ONE_WORD: Any = np.int64(1)  # numba would compile functions once more for a literal


@cache
def character_kinds() -> Bytes:
    """Return for each code point whether it is part of a word (1), a word by itself (2), or between words (0)."""
    kinds = np.array([chr(point).isalnum() for point in range(POINTS)], np.uint8)
    for first, last in IDEOGRAPH_RANGES:
        kinds[first : last + 1] = _IDEOGRAPH
    return kinds


@compiled
def read_words(content: Bytes, starts: Places, ends: Places, split: Flags, kinds: Bytes) -> tuple[Hashes, Places]:
    """Return the words of texts in UTF-8, and where each text's begin, with an end.

    A text that is `split` has a space between its words, which may hold any other character.
    """
    words = np.empty(len(content) + 1, np.uint64)
    bounds = np.zeros(len(starts) + 1, np.int64)
    count = 0
    for text in range(len(starts)):
        value, inside = _OFFSET, False
        place, end = starts[text], ends[text]
        while place < end:
            byte = np.int64(content[place])
            size = 1 if byte < 0x80 else 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            point = byte if size == 1 else byte & (0x7F >> size)
            for step in range(1, size):
                point = point << 6 | (np.int64(content[place + step]) & 0x3F)
            kind = kinds[point] if not split[text] else _LETTER if byte != 32 else 0
            if inside and kind != _LETTER:
                words[count], count = _finished(value), count + 1
                value, inside = _OFFSET, False
            if kind:
                for step in range(size):
                    value = (value ^ np.uint64(content[place + step])) * _PRIME
                inside = kind == _LETTER
                if not inside:
                    words[count], count = _finished(value), count + 1
                    value = _OFFSET
            place += size
        if inside:
            words[count], count = _finished(value), count + 1
        bounds[text + 1] = count
    return words[:count].copy(), bounds


@compiled
def _finished(value: np.uint64) -> np.uint64:
    value = (value ^ (value >> _HALF)) * _MIX
    return value ^ (value >> _HALF)


@compiled
def find_runs(words: Hashes, bounds: Places, size: int) -> tuple[Places, Numbers]:
    """Find what texts copy. Of every three texts in `words`, the first copies from the second, and not from the third.

    Return for each the number of n-grams of `size` words that are copied, that of all its n-grams, and the longest copy
    in words; and its runs of copied n-grams: a row of its number, first word and length.
    """
    count = (len(bounds) - 1) // 3
    sums = np.zeros((count, 3), np.int64)
    runs = np.empty((_FIRST_ROWS, 3), np.int32)
    found = 0
    for trace in range(count):
        text, context = (
            words[bounds[3 * trace] : bounds[3 * trace + 1]],
            words[bounds[3 * trace + 1] : bounds[3 * trace + 2]],
        )
        question = words[bounds[3 * trace + 2] : bounds[3 * trace + 3]]
        sums[trace, 1] = max(len(text) - size + 1, 0)
        stretches = _known_stretches(text, context)
        hits, first, following = _hits(text, context, question, stretches, size)
        sums[trace, 0] = len(hits)
        if not len(hits):
            shorter = size - 1
            while shorter and not len(_hits(text, context, question, stretches, shorter)[0]):
                shorter -= 1
            sums[trace, 2] = shorter
            continue
        before, last, places = -2, -1, 0
        ended_at, began = np.zeros(_FOLLOWED, np.int64), np.zeros(_FOLLOWED, np.int64)  # of the hit before, in context
        for number in range(len(hits)):
            hit = hits[number]
            if hit != before + 1:
                places = 0
            here, starts, some, earliest = np.zeros(_FOLLOWED, np.int64), np.zeros(_FOLLOWED, np.int64), 0, hit
            place = first[number]
            while place >= 0:
                start = hit
                for other in range(places):
                    if ended_at[other] == place - 1:
                        start = began[other]
                here[some], starts[some] = place, start
                some += 1
                earliest = min(earliest, start)
                place = following[place]
            ended_at, began, places, before = here, starts, some, hit
            if last != earliest:
                if found == len(runs):
                    runs = grown(runs)
                found += 1
                last = earliest
            runs[found - 1, 0], runs[found - 1, 1], runs[found - 1, 2] = trace, earliest, hit + size - earliest
            sums[trace, 2] = max(sums[trace, 2], hit + size - earliest)
    return sums, runs[:found].copy()


@compiled
def _known_stretches(text: Hashes, context: Hashes) -> Places:
    """Return for each word of a text how many words from it on the context has, in any order."""
    slots, _ = _table(context, _ONE_WORD)
    stretches = np.zeros(len(text) + 1, np.int64)
    for place in range(len(text) - 1, -1, -1):
        known = len(context) > 0 and _first(slots, context, text, place, _ONE_WORD) >= 0
        stretches[place] = stretches[place + 1] + 1 if known else 0
    return stretches


@compiled
def _hits(
    text: Hashes, context: Hashes, question: Hashes, stretches: Places, size: int
) -> tuple[Places, Places, Places]:
    """Return the places of n-grams that are in the context and not in the question.

    Return also the first place in the context of each, and for each place there the following one with the same n-gram.
    """
    hits, first = np.empty(len(text), np.int64), np.empty(len(text), np.int64)
    slots, following = np.empty(0, np.int32), np.empty(0, np.int64)
    question_slots = np.empty(0, np.int32)
    count = 0
    for place in range(len(text) - size + 1):
        if stretches[place] < size:
            continue
        if not len(slots):
            slots, following = _table(context, size)
        at = _first(slots, context, text, place, size)
        if at < 0:
            continue
        if not len(question_slots):
            question_slots, _ = _table(question, size)
        if _first(question_slots, question, text, place, size) < 0:
            hits[count], first[count] = place, at
            count += 1
    return hits[:count].copy(), first[:count].copy(), following


@compiled
def _gram(words: Hashes, place: int, size: int) -> np.uint64:
    value = np.uint64(0)
    for step in range(size):
        value = value * _BASE + words[place + step]
    return value ^ (value >> _HALF)


@compiled
def _is_same(words: Hashes, place: int, others: Hashes, other: int, size: int) -> bool:
    step = 0
    while step < size and words[place + step] == others[other + step]:
        step += 1
    return step == size


@compiled
def _table(words: Hashes, size: int) -> tuple[Numbers, Places]:
    """Return a hash table of the n-grams of a text, by first place, and for each place the next one, four at most."""
    slots_count = 4
    while slots_count < 2 * len(words):
        slots_count *= 2
    slots = np.full(slots_count, -1, np.int32)
    following = np.full(len(words), -1, np.int64)
    mask = np.uint64(slots_count - 1)
    for place in range(len(words) - size + 1):
        slot = _gram(words, place, size) & mask
        while slots[slot] >= 0 and not _is_same(words, slots[slot], words, place, size):
            slot = (slot + np.uint64(1)) & mask
        if slots[slot] < 0:
            slots[slot] = place
            continue
        last, occurrences = np.int64(slots[slot]), 1
        while following[last] >= 0:
            last, occurrences = following[last], occurrences + 1
        if occurrences < _FOLLOWED:
            following[last] = place
    return slots, following


@compiled
def _first(slots: Numbers, words: Hashes, text: Hashes, place: int, size: int) -> int:
    """Return the first place of a text's n-gram among the words of a hash table; -1 if it is not there."""
    mask = np.uint64(len(slots) - 1)
    slot = _gram(text, place, size) & mask
    while slots[slot] >= 0:
        if _is_same(words, slots[slot], text, place, size):
            return int(slots[slot])
        slot = (slot + np.uint64(1)) & mask
    return -1
