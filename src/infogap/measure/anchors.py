"""Anchors: a word of every marker, looked for in all texts at once by an automaton (Aho-Corasick, in Polars).

Markers are tried only where an anchor stands, and most of those places are ruled out by the bytes around them, in
arrays.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from infogap.measure.anchor import Anchor
from infogap.measure.phrases import Around, pieces
from infogap.measure.surroundings import SUBSTRINGS, Surroundings
from infogap.text.text_batch import AFTER, Row

_LONGEST = AFTER  # bytes of an anchor: what fits into one number
_AT_ONCE = 100  # anchors per automaton: with more, it takes a form that is half as fast
_FEW = 16  # so few anchors are found four times as fast where they need not overlap, by vectors of bytes (Teddy)
# Too frequent to be anchors where another word of the marker can be one.
_FREQUENT = set(
    re.findall(
        r"\w+",
        "a an and are as at be been by can could do does for from get go has have i if in is it let ll m me my need no "
        "not of on one or other re s should so t that the then there this to up ve was way we what with you",
    )
)


@dataclass(frozen=True)
class Hits:
    """Where anchors stand, by text and from left to right: arrays of one length."""

    text: np.ndarray
    begin: np.ndarray  # in bytes of the row
    place: np.ndarray  # in characters of the text
    anchor: np.ndarray
    todo: np.ndarray

    def only(self, which: np.ndarray) -> Hits:
        """Those where a mask is true."""
        return Hits(self.text[which], self.begin[which], self.place[which], self.anchor[which], self.todo[which])


class Anchors:
    """The anchors of some lexicons' markers, and the scan for them."""

    def __init__(self, substrings: Iterable[tuple[int, str]], phrases: Iterable[tuple[int, list[str]]]) -> None:
        literal = list(substrings)
        chosen = [(index, words_to_look_for(markers)) for index, markers in phrases]
        whole = {marker for _, marker in literal} | {text for _, by_marker in chosen for text in by_marker.values()}
        every = {_cut(text) for text in whole}
        keys = sorted(every)
        self.anchors = [Anchor(key) for key in keys]
        by_text = {anchor.text: anchor for anchor in self.anchors}
        for index, marker in literal:
            by_text[_cut(marker)].substrings.append((index, marker))
        for index, by_marker in chosen:
            together: dict[tuple[str, bool], list[str]] = {}
            for marker, text in by_marker.items():
                # Those of the beginning of a clause apart: where they do not count, shorter ones may.
                together.setdefault((_cut(text), marker.startswith("^")), []).append(marker)
            for (text, _), markers in together.items():
                by_text[text].phrases.append((index, Around(markers, text)))
        # Where one begins like a shorter one, the longer one is found: it has what the shorter one may be of.
        shorter = [
            next((text[:end] for end in range(len(text) - 1, 0, -1) if text[:end] in by_text), None) for text in keys
        ]
        for text, other in zip(keys, shorter, strict=True):
            if other is not None:
                by_text[text].substrings += by_text[other].substrings
                by_text[text].phrases += [
                    (index, around) for index, around in by_text[other].phrases if not around.ends_word
                ]
        self._shorter = np.array([-1 if other is None else keys.index(other) for other in shorter], np.int64)
        self._automata = [
            (some[first : first + _AT_ONCE], some[0].isascii())
            for some in ([key for key in keys if key.isascii()], [key for key in keys if not key.isascii()])
            for first in range(0, len(some), _AT_ONCE)
        ]
        self.sizes = np.array([len(key.encode()) for key in keys], np.int64)  # in bytes
        self._numbers = np.array([int.from_bytes(key.encode().ljust(_LONGEST, b"\0")) for key in keys], np.uint64)
        self._masks = np.array(
            [((1 << 8 * len(key.encode())) - 1) << 8 * (_LONGEST - len(key.encode())) for key in keys], np.uint64
        )
        self._apart = len(keys) <= _FEW
        self._overlapping = np.array(
            [[self._apart and _may_begin(keys, key, offset) for offset in range(_LONGEST)] for key in keys], bool
        )
        self._literal = np.array([bool(anchor.substrings) for anchor in self.anchors], bool)
        self._surroundings = Surroundings(self.anchors)

    def scan(self, lowered: Sequence[str], row: Row) -> Hits:
        """The hits in all texts, which are those of the row."""
        text, begin = self._hits(lowered, row)
        anchor = self._which(row.content, begin)
        todo = self._surroundings.todo(row.content, begin, anchor)
        wanted = np.flatnonzero((todo != SUBSTRINGS) | self._literal[anchor])
        text, begin = text[wanted], begin[wanted]
        place = row.characters(begin) - row.first_characters[text]
        return Hits(text, begin, place, anchor[wanted], todo[wanted])

    def _hits(self, lowered: Sequence[str], row: Row) -> tuple[np.ndarray, np.ndarray]:
        """Text and place in bytes of the row of every hit, from left to right."""
        column = pl.Series(lowered, dtype=pl.String)
        numbers = np.arange(len(column))
        parts: list[tuple[np.ndarray, np.ndarray]] = []
        for keys, of_ascii in self._automata:
            # Most texts are ASCII; anchors of other scripts are not looked for in them.
            some = numbers if of_ascii else numbers[(column.str.len_bytes() > column.str.len_chars()).to_numpy()]
            apart = of_ascii and self._apart
            places = (column if of_ascii else column.gather(some)).str.find_many(
                keys, overlapping=not apart, leftmost=apart
            )
            counts = places.list.len().to_numpy()
            there = pl.Series(counts > 0, dtype=pl.Boolean)
            text = np.repeat(some, counts)
            begin = row.starts[text] + places.filter(there).explode().to_numpy().astype(np.int64)
            parts.append((text, begin))
            if apart:
                parts.append(self._within(row.content, text, begin))
        text, begin = (np.concatenate(values) for values in zip(*parts, strict=True))
        order = np.argsort(begin, kind="stable")
        text, begin = text[order], begin[order]
        first = np.flatnonzero(np.diff(begin, prepend=-1))
        return text[first], begin[first]

    def _within(self, content: np.ndarray, text: np.ndarray, begin: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The hits that begin inside of others, which a search for hits apart from each other passes over."""
        hit, offset = np.nonzero(self._overlapping[self._which(content, begin)])
        text, begin = text[hit], begin[hit] + offset
        stands = self._which(content, begin) >= 0
        return text[stands], begin[stands]

    def _which(self, content: np.ndarray, begin: np.ndarray) -> np.ndarray:
        """The longest of the anchors that stand at some places; -1 where none does."""
        number = np.zeros(len(begin), np.uint64)
        for offset in range(_LONGEST):
            number = (number << np.uint64(8)) | content[begin + offset].astype(np.uint64)
        anchor = np.searchsorted(self._numbers, number, side="right") - 1
        # The last one not after the text is the longest, or begins with it.
        while (other := (anchor >= 0) & ((number & self._masks[anchor]) != self._numbers[anchor])).any():
            anchor[other] = self._shorter[anchor[other]]
        return anchor


def _cut(text: str) -> str:
    return text.encode()[:_LONGEST].decode(errors="ignore")


def _may_begin(keys: Iterable[str], key: str, offset: int) -> bool:
    """Whether one of the keys may begin inside of a key, so many bytes after it does."""
    rest = key.encode()[offset:]
    every = [other.encode() for other in keys]
    return offset > 0 and bool(rest) and any(rest.startswith(other) or other.startswith(rest) for other in every)


def words_to_look_for(markers: Iterable[str]) -> dict[str, str]:
    """For every marker the word of it that is looked for: not a frequent one, one of many markers, a long one."""
    parts = {marker: pieces(marker) for marker in markers}
    used = Counter(piece for words in parts.values() for piece in set(words))
    return {
        marker: max(words, key=lambda word: (word not in _FREQUENT, len(word) > 3, min(used[word], 3), len(word), word))
        for marker, words in parts.items()
    }
