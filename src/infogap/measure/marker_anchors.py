"""Find where markers may occur: search all texts for one word of every marker, its anchor, with one automaton.

Phrases are tried only around an anchor, after the bytes next to it have ruled out most occurrences, in arrays.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from infogap.measure.phrase_patterns import PivotPhrases, pieces
from infogap.text.text_batch import AFTER, TextBatch

SUBSTRINGS, SEARCH, PLAIN = 0, 1, 2
"""What to do at a hit: count substrings only; search for phrases; count the phrases that are the anchor itself."""

_LONGEST = AFTER  # bytes of an anchor
# Too frequent to be anchors if another word of the marker can be one.
_FREQUENT = set(
    re.findall(
        r"\w+",
        "a an and are as at be been by can could do does for from get go has have i if in is it let ll m me my need no "
        "not of on one or other re s should so t that the then there this to up ve was way we what with you",
    )
)


@dataclass
class Anchor:
    """A text that markers contain, with what may match where it occurs: substrings and phrases by lexicon index."""

    text: str
    substrings: list[tuple[int, str]] = field(default_factory=list)
    phrases: list[tuple[int, PivotPhrases]] = field(default_factory=list)

    @property
    def plain(self) -> list[tuple[int, str]]:
        """The phrases that are the anchor itself."""
        if not self.text.isascii():
            return []
        return [(index, self.text) for index, phrases in self.phrases if phrases.bare and self.text in phrases.heads]


@dataclass(frozen=True)
class Hits:
    """Occurrences of anchors, by text and from left to right: arrays of one length."""

    text: np.ndarray
    begin: np.ndarray  # in bytes of the batch
    place: np.ndarray  # in characters of the text
    anchor: np.ndarray
    todo: np.ndarray  # SUBSTRINGS, SEARCH or PLAIN

    def take(self, which: np.ndarray) -> Hits:
        """Return the hits where a mask is true."""
        return Hits(self.text[which], self.begin[which], self.place[which], self.anchor[which], self.todo[which])


class Anchors:
    """The anchors of some lexicons' markers, and the scan for them."""

    def __init__(self, substrings: Iterable[tuple[int, str]], phrases: Iterable[tuple[int, list[str]]]) -> None:
        from infogap.text.word_automaton import WordAutomaton

        literal = list(substrings)
        chosen = [(index, choose_anchors(markers)) for index, markers in phrases]
        whole = {marker for _, marker in literal} | {text for _, by_marker in chosen for text in by_marker.values()}
        keys = sorted({_cut(text) for text in whole})
        self.anchors = [Anchor(key) for key in keys]
        by_text = {anchor.text: anchor for anchor in self.anchors}
        for index, marker in literal:
            by_text[_cut(marker)].substrings.append((index, marker))
        for index, by_marker in chosen:
            together: dict[tuple[str, bool], list[str]] = {}
            for marker, text in by_marker.items():
                # Apart from the others, because where `^` rules a marker out a shorter one may count.
                together.setdefault((_cut(text), marker.startswith("^")), []).append(marker)
            for (text, _), markers in together.items():
                by_text[text].phrases.append((index, PivotPhrases(markers, text)))
        # Where one anchor is the beginning of another, the scan reports the longer one, which takes over its markers.
        shorter = [
            next((text[:end] for end in range(len(text) - 1, 0, -1) if text[:end] in by_text), None) for text in keys
        ]
        for text, other in zip(keys, shorter, strict=True):
            if other is not None:
                by_text[text].substrings += by_text[other].substrings
                by_text[text].phrases += [
                    (index, group) for index, group in by_text[other].phrases if not group.ends_word
                ]
        self._automaton = WordAutomaton.of(keys)
        self.sizes = np.array([len(key.encode()) for key in keys], np.int64)  # in bytes
        self._literal = np.array([bool(anchor.substrings) for anchor in self.anchors], bool)
        self._context = _AnchorContext(self.anchors)

    def scan(self, batch: TextBatch) -> Hits:
        """Return the hits in a batch of lower-cased texts."""
        text, begin, anchor = self._hits(batch)
        todo = self._context.todo(batch.content, begin, anchor)
        wanted = np.flatnonzero((todo != SUBSTRINGS) | self._literal[anchor])
        text, begin = text[wanted], begin[wanted]
        place = batch.characters(begin) - batch.first_characters[text]
        return Hits(text, begin, place, anchor[wanted], todo[wanted])

    def _hits(self, batch: TextBatch) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the text, the position in bytes of the batch, and the longest anchor of every hit, left to right."""
        rows = self._automaton.hits(batch.content, batch.starts, batch.starts + batch.sizes)
        text, anchor, end = rows[:, 0].astype(np.int64), rows[:, 1].astype(np.int64), rows[:, 2]
        begin = batch.starts[text] + end + 1 - self.sizes[anchor]
        order = np.lexsort((-self.sizes[anchor], begin))
        first = order[np.flatnonzero(np.diff(begin[order], prepend=-1))]
        return text[first], begin[first], anchor[first]


def choose_anchors(markers: Iterable[str]) -> dict[str, str]:
    """Choose a word of every marker as its anchor: not a frequent word, preferably a long one that many share."""
    parts = {marker: pieces(marker) for marker in markers}
    used = Counter(piece for words in parts.values() for piece in set(words))
    return {
        marker: max(words, key=lambda word: (word not in _FREQUENT, len(word) > 3, min(used[word], 3), len(word), word))
        for marker, words in parts.items()
    }


def _cut(text: str) -> str:
    return text.encode()[:_LONGEST].decode(errors="ignore")


# What may precede and follow an anchor

_BYTES = np.arange(256)
_WORD = np.array([byte < 128 and (chr(byte).isalnum() or chr(byte) == "_") for byte in range(256)])
_JOINT = np.isin(_BYTES, list(b"-'")) | (_BYTES > 127)  # or, beyond ASCII, not known
_SEPARATOR = np.isin(_BYTES, list(b" \n-'"))
_SIGN = np.array([33 <= byte < 127 for byte in range(256)]) & ~_WORD & ~_SEPARATOR  # of ASCII
_LINE_BREAK = ord("\n")


class _AnchorContext:
    """For each anchor, the bytes that may precede and follow it where a phrase matches."""

    def __init__(self, anchors: Sequence[Anchor]) -> None:
        groups = [[group for _, group in anchor.phrases] for anchor in anchors]
        self._sizes = np.array([len(anchor.text.encode()) for anchor in anchors], np.int64)
        self._plain = np.array([bool(anchor.plain) for anchor in anchors], bool)
        self._begins_word = np.array([all(group.begins_word for group in some) for some in groups], bool)
        self._ends_word = np.array([all(group.ends_word for group in some) for some in groups], bool)
        self._bare = np.array([any(group.bare for group in some) for some in groups], bool)
        heads = [[group for group in some if len(group.heads) > group.bare] for some in groups]
        inner = [[group for group in some if group.inner] for some in groups]
        self._has_heads = np.array([bool(some) for some in heads], bool)
        self._has_inner = np.array([bool(some) for some in inner], bool)
        signs = [{sign for group in some for sign in group.signs} for some in groups]
        self._before = _Neighbours([[group.words_before for group in some] for some in inner], signs, backwards=True)
        self._heads = _Neighbours([[group.after_heads for group in some] for some in heads], signs)
        self._inner = _Neighbours([[group.after_inner for group in some] for some in inner], signs)

    def todo(self, content: np.ndarray, begin: np.ndarray, anchor: np.ndarray) -> np.ndarray:
        """Return SUBSTRINGS, SEARCH or PLAIN for each anchor and its position; three bytes surround every text."""
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
    """For each anchor, the words that may be next to it, by the two letters closest to it."""

    def __init__(
        self, known: Sequence[Iterable[tuple[str, ...] | None]], signs: list[set[str]], backwards: bool = False
    ) -> None:
        self._signs = np.array([[chr(byte) in some for byte in range(256)] for some in signs], bool)
        self._any = np.array([any(words is None for words in groups) for groups in known], bool)
        self._allowed = np.zeros((len(known), 1024), bool)
        for row, groups in enumerate(known):
            for words in groups:
                for word in words or ():
                    closest, second = (word.encode()[::-1] if backwards else word.encode())[:2].ljust(2, b"\0")
                    self._allowed[row, _pair(closest, second if len(word.encode()) > 1 else np.arange(32))] = True

    def allow(self, anchor: np.ndarray, joint: np.ndarray, closest: np.ndarray, second: np.ndarray) -> np.ndarray:
        """True where a phrase may continue across the byte `joint`, and wherever these bytes do not decide it."""
        separated = _SEPARATOR[joint]
        allowed = self._allowed[anchor, _pair(closest, second)]
        allowed |= ~(separated & _WORD[closest])
        sign = np.where(_SIGN[joint], joint, closest)
        other_sign = (_SIGN[joint] | (separated & _SIGN[closest])) & ~self._signs[anchor, sign]
        blank_line = (joint == _LINE_BREAK) & (closest == _LINE_BREAK)
        result: np.ndarray = allowed & ~blank_line & ~other_sign | self._any[anchor]
        return result


def _pair(closest: np.ndarray | int, second: np.ndarray | int) -> np.ndarray:
    """Pack two bytes into a number below 1024; no two ASCII letters share one."""
    number: np.ndarray = ((np.asarray(closest, np.int64) & 31) << 5) | (np.asarray(second, np.int64) & 31)
    return number
