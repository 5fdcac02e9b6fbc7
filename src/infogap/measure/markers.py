"""Finding the markers of several lexicons in many texts at once.

One automaton (Aho-Corasick, in Polars) looks for *anchors* in all texts: a word of every marker. Regular expressions
are tried only where an anchor stands, and what a marker stands in (a formula, an exclusion, a quotation) is looked at
only where a marker was found.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from infogap.measure.masks import Masks
from infogap.measure.phrases import Around, Span, by_length, pieces
from infogap.measure.quotes import is_quoted
from infogap.measure.text import lower_in_place

if TYPE_CHECKING:
    from infogap.measure.lexicon import Lexicon

_AT_ONCE = 100  # anchors per automaton: with more, it takes a form that is half as fast
# Too frequent to be anchors where another word of the marker can be one.
_FREQUENT = set(
    re.findall(
        r"\w+",
        "a an and are as at be been by can could do does for from get go has have i if in is it let ll m me my need no "
        "not of on one or other re s should so t that the then there this to up ve was way we what with you",
    )
)


@dataclass
class _Anchor:
    """What may stand where an anchor is found: by the place of its lexicon, substrings and phrases."""

    substrings: list[tuple[int, str]] = field(default_factory=list)
    phrases: list[tuple[int, Around]] = field(default_factory=list)
    begins_word: bool = True  # in all of its phrases: a letter before it rules them out


class MarkerFinder:
    """Finds the markers of some lexicons."""

    def __init__(self, lexicons: Sequence[Lexicon]) -> None:
        self._exclusions = [_Exclusions(lexicon) for lexicon in lexicons]
        self._substring = [lexicon.matching == "substring" for lexicon in lexicons]
        chosen = [
            {marker: marker for marker in lexicon.markers} if substring else _chosen(lexicon.phrases)
            for lexicon, substring in zip(lexicons, self._substring, strict=True)
        ]
        every = {anchor for by_marker in chosen for anchor in by_marker.values()}
        self._keys = sorted(text for text in every if not any(text[:end] in every for end in range(1, len(text))))
        self._width = max((len(key) for key in self._keys), default=0)
        self._anchors = [_Anchor() for _ in self._keys]
        self._self_overlapping = {
            key for key in every if any(key[place:] == key[:-place] for place in range(1, len(key)))
        }
        for index, by_marker in enumerate(chosen):
            together: dict[int, list[str]] = {}
            for marker, text in by_marker.items():
                key = bisect_right(self._keys, text) - 1
                if self._substring[index]:
                    self._anchors[key].substrings.append((index, marker))
                else:
                    together.setdefault(key, []).append(marker)
            for key, markers in together.items():
                text, anchor = self._keys[key], self._anchors[key]
                anchor.phrases.append((index, Around(markers, text)))
                anchor.begins_word &= text.isascii() and not any(re.search(rf"\w{text}", marker) for marker in markers)
        # Lower case beyond ASCII takes ten times as long, and matters only where a marker has such letters.
        phrases = {phrase for lexicon in lexicons for phrase in (*lexicon.markers, *lexicon.exclusions)}
        self._beyond_ascii = any(letter != letter.upper() and letter > "z" for letter in "".join(phrases))

    def find(self, texts: Sequence[str], questions: Sequence[str] | None = None) -> list[list[list[Span]]]:
        """Of every text, for each lexicon in order, where its markers stand, from left to right.

        `questions`, one for each text, are what the text may quote: markers in a quotation do not count.
        """
        lowered = [self._lowered(text) for text in texts]
        column = pl.Series(lowered, dtype=pl.String)
        automata = [self._keys[start : start + _AT_ONCE] for start in range(0, len(self._keys), _AT_ONCE)]
        hits = [column.str.find_many(keys, overlapping=True).to_list() for keys in automata]
        return [
            self._spans(text, sorted(place for places in there for place in places), question)
            for text, question, *there in zip(lowered, questions or [""] * len(texts), *hits, strict=True)
        ]

    def _lowered(self, text: str) -> str:
        if text.isascii():
            return text.lower()
        # The Kelvin sign is the one character beyond ASCII whose lower case is one of ASCII.
        if self._beyond_ascii or "\N{KELVIN SIGN}" in text:
            return lower_in_place(text)
        return text.encode().lower().decode()

    def _spans(self, lowered: str, hits: list[int], question: str) -> list[list[Span]]:
        found: list[list[Span]] = [[] for _ in self._substring]
        free: dict[tuple[int, str], int] = {}
        for place in hits if lowered.isascii() else _characters(lowered, hits):
            anchor = self._anchors[bisect_right(self._keys, lowered[place : place + self._width]) - 1]
            for index, marker in anchor.substrings:
                if lowered.startswith(marker, place):
                    if marker in self._self_overlapping:
                        if place < free.get((index, marker), 0):
                            continue
                        free[index, marker] = place + len(marker)
                    found[index].append((place, place + len(marker), marker))
            if anchor.phrases and not (anchor.begins_word and "a" <= lowered[place - 1 : place] <= "z"):
                for index, phrases in anchor.phrases:
                    found[index] += phrases.find(lowered, place)
        masks = Masks(lowered)
        return [
            sorted(spans) if substring else _counting(spans, lowered, masks, exclusions, question)
            for spans, substring, exclusions in zip(found, self._substring, self._exclusions, strict=True)
        ]


def _counting(found: list[Span], lowered: str, masks: Masks, exclusions: _Exclusions, question: str) -> list[Span]:
    """Of all that was found, what counts: of every start the longest; of overlapping ones the first."""
    longest: dict[int, Span] = {}
    for span in found:
        other = longest.get(span[0])
        if other is None or by_length(span[2]) < by_length(other[2]):
            longest[span[0]] = span
    counting: list[Span] = []
    free = 0
    for start in sorted(longest):
        _, end, phrase = longest[start]
        if start < free or masks.overlap(start, end) or exclusions.cover(lowered, start, end, phrase):
            continue
        if question and is_quoted(lowered, start, end, question):
            continue
        counting.append((start, end, phrase.removeprefix("^")))
        free = end
    return counting


class _Exclusions:
    """The phrases of a lexicon in which a marker means something else."""

    def __init__(self, lexicon: Lexicon) -> None:
        self._lexicon = lexicon
        self._around: dict[str, Around | None] = {}

    def cover(self, lowered: str, start: int, end: int, marker: str) -> bool:
        """Whether a marker that stands there is part of such a phrase."""
        if marker not in self._around:
            text = marker.removeprefix("^")
            containing = [phrase for phrase in self._lexicon.exclusions if text in phrase]
            self._around[marker] = Around(containing, text) if containing else None
        around = self._around[marker]
        return around is not None and any(
            before <= start and end <= after for before, after, _ in around.find(lowered, start)
        )


def _chosen(markers: Iterable[str]) -> dict[str, str]:
    """For every marker the word of it that is looked for: not a frequent one, one of many markers, a long one."""
    parts = {marker: pieces(marker) for marker in markers}
    used = Counter(piece for words in parts.values() for piece in set(words))
    return {
        marker: max(words, key=lambda word: (word not in _FREQUENT, len(word) > 3, min(used[word], 3), len(word), word))
        for marker, words in parts.items()
    }


def _characters(text: str, hits: list[int]) -> list[int]:
    """Places in UTF-8 bytes, in order, as places in characters."""
    encoded = np.frombuffer(text.encode(), np.uint8)
    followers = np.flatnonzero((encoded & 0xC0) == 0x80)  # bytes that begin no character
    places: list[int] = (np.array(hits, np.int64) - np.searchsorted(followers, hits)).tolist()
    return places
