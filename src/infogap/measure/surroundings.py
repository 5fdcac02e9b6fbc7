"""Ruling out, in arrays, the places where an anchor stands and no marker can: by the bytes before and after it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from infogap.measure.anchor import Anchor

SUBSTRINGS, SEARCH, PLAIN = 0, 1, 2
"""What is to be done at a hit: only substrings count; phrases are searched; the phrases that are the anchor count."""

_BYTES = np.arange(256)
_WORD = np.array([byte < 128 and (chr(byte).isalnum() or chr(byte) == "_") for byte in range(256)])
_JOINT = np.isin(_BYTES, list(b"-'")) | (_BYTES > 127)  # or, beyond ASCII, not known
_SEPARATOR = np.isin(_BYTES, list(b" \n-'"))
_SIGN = np.array([33 <= byte < 127 for byte in range(256)]) & ~_WORD & ~_SEPARATOR  # of ASCII
_LINE_BREAK = ord("\n")


class Surroundings:
    """What may stand around each of some anchors."""

    def __init__(self, anchors: Sequence[Anchor]) -> None:
        arounds = [[around for _, around in anchor.phrases] for anchor in anchors]
        self._sizes = np.array([len(anchor.text.encode()) for anchor in anchors], np.int64)
        self._plain = np.array([bool(anchor.plain) for anchor in anchors], bool)
        self._begins_word = np.array([all(around.begins_word for around in some) for some in arounds], bool)
        self._ends_word = np.array([all(around.ends_word for around in some) for some in arounds], bool)
        self._bare = np.array([any(around.bare for around in some) for some in arounds], bool)
        heads = [[around for around in some if len(around.heads) > around.bare] for some in arounds]
        inner = [[around for around in some if around.inner] for some in arounds]
        self._has_heads, self._has_inner = (
            np.array([bool(some) for some in groups], bool) for groups in (heads, inner)
        )
        signs = [{sign for around in some for sign in around.signs} for some in arounds]
        self._before = _Neighbours([[around.words_before for around in some] for some in inner], signs, backwards=True)
        self._heads = _Neighbours([[around.after_heads for around in some] for some in heads], signs)
        self._inner = _Neighbours([[around.after_inner for around in some] for some in inner], signs)

    def todo(self, content: np.ndarray, begin: np.ndarray, anchor: np.ndarray) -> np.ndarray:
        """What is to be done where each anchor begins in a text's bytes; three bytes stand around every text."""
        end = begin + self._sizes[anchor]
        before, after = content[begin - 1], content[end]
        left = before, content[begin - 2], content[begin - 3]
        right = after, content[end + 1], content[end + 2]
        inside = (self._begins_word[anchor] & _WORD[before]) | (self._ends_word[anchor] & _WORD[after])
        head = self._has_heads[anchor] & self._heads.allow(anchor, *right)
        inner = self._has_inner[anchor] & self._before.allow(anchor, *left) & self._inner.allow(anchor, *right)
        alone = ~(_WORD[before] | _JOINT[before] | _WORD[after] | _JOINT[after])
        todo = np.where(self._plain[anchor] & alone & ~(head | inner), PLAIN, SEARCH)
        return np.where(inside | ~(self._bare[anchor] | head | inner), SUBSTRINGS, todo)


class _Neighbours:
    """For each anchor the words that may stand next to it, by the two letters that are nearer to it."""

    def __init__(
        self, known: Sequence[Iterable[tuple[str, ...] | None]], signs: list[set[str]], backwards: bool = False
    ) -> None:
        self._signs = np.array([[chr(byte) in some for byte in range(256)] for some in signs], bool)
        self._any = np.array([any(words is None for words in groups) for groups in known], bool)
        self._allowed = np.zeros((len(known), 1024), bool)
        for row, groups in enumerate(known):
            for words in groups:
                for word in words or ():
                    near, next_to_it = (word.encode()[::-1] if backwards else word.encode())[:2].ljust(2, b"\0")
                    self._allowed[row, _pair(near, next_to_it if len(word.encode()) > 1 else np.arange(32))] = True

    def allow(self, anchor: np.ndarray, joint: np.ndarray, near: np.ndarray, next_to_it: np.ndarray) -> np.ndarray:
        """Whether a phrase may go on there, across the byte `joint`; where that is not plain to see, it may."""
        separated = _SEPARATOR[joint]
        allowed = self._allowed[anchor, _pair(near, next_to_it)]
        allowed |= ~(separated & _WORD[near])
        sign = np.where(_SIGN[joint], joint, near)
        other_sign = (_SIGN[joint] | (separated & _SIGN[near])) & ~self._signs[anchor, sign]
        blank_line = (joint == _LINE_BREAK) & (near == _LINE_BREAK)
        told: np.ndarray = allowed & ~blank_line & ~other_sign | self._any[anchor]
        return told


def _pair(near: np.ndarray | int, next_to_it: np.ndarray | int) -> np.ndarray:
    """Two bytes as a number below 1024; letters of ASCII all have numbers of their own."""
    number: np.ndarray = ((np.asarray(near, np.int64) & 31) << 5) | (np.asarray(next_to_it, np.int64) & 31)
    return number
