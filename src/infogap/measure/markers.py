"""Finding the markers of several lexicons in many texts at once.

All is done in arrays over all texts, but for phrases: regular expressions are tried only where an anchor of one stands
and the bytes around it do not rule it out. Exclusions and quotations are looked at only where a marker was found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from infogap.measure.anchors import Anchors, Hits
from infogap.measure.found import Found
from infogap.measure.literals import Literals
from infogap.measure.phrases import Span, begins_clause
from infogap.measure.surroundings import PLAIN, SEARCH
from infogap.measure.words import Prose, WordMarkers
from infogap.text.markup import masks
from infogap.text.text_batch import Row
from infogap.text.trace_text import lower_in_place

_AT_ONCE = 2_000_000  # characters of texts in one row: more do not stay in a processor's cache


@dataclass(frozen=True)
class Markers:
    """Markers by category, and how they are found in a text.

    Under `substring` every marker counts wherever the lower-cased text contains it, as `str.count` does, whatever
    other markers count there. Under `word` markers are whole words or phrases of the prose, outside exclusions and
    quotations of the question; at each place the longest counts, and of overlapping ones the first.
    """

    matching: Literal["substring", "word"]
    markers: dict[str, str]  # marker -> category
    initial: frozenset[str]  # markers that count at the beginning of a clause only
    exclusions: tuple[str, ...]

    @property
    def phrases(self) -> list[str]:
        """The markers as a lexicon's file spells them."""
        return [f"^{marker}" if marker in self.initial else marker for marker in self.markers]


class MarkerFinder:
    """Finds the markers of some lexicons."""

    def __init__(self, lexicons: Sequence[Markers]) -> None:
        self._names = [list(lexicon.markers) for lexicon in lexicons]
        self._words = [
            None if lexicon.matching == "substring" else WordMarkers(lexicon.phrases, lexicon.exclusions)
            for lexicon in lexicons
        ]
        self._anchors = Anchors(
            [
                (index, marker)
                for index, names in enumerate(self._names)
                if self._words[index] is None
                for marker in names
            ],
            [(index, words.phrases) for index, words in enumerate(self._words) if words is not None],
        )
        anchors = self._anchors.anchors
        self._numbers = [{name: number for number, name in enumerate(names)} for names in self._names]
        self._substrings = Literals([anchor.substrings for anchor in anchors], self._numbers)
        self._plain = Literals([anchor.plain for anchor in anchors], self._numbers)
        # Lower case beyond ASCII takes ten times as long, and matters only where a marker has such letters.
        letters = {
            letter for lexicon in lexicons for text in (*lexicon.markers, *lexicon.exclusions) for letter in text
        }
        self._beyond_ascii = any(letter != letter.upper() and not letter.isascii() for letter in letters)

    def find(self, texts: Sequence[str], questions: Sequence[str] | None = None) -> list[list[list[Span]]]:
        """Of every text, for each lexicon in order, where its markers stand, from left to right.

        `questions`, one for each text, are what the text may quote: markers in a quotation do not count.
        """
        by_lexicon = [
            found.spans(len(texts), names)
            for found, names in zip(self.find_all(texts, questions), self._names, strict=True)
        ]
        return [[spans[text] for spans in by_lexicon] for text in range(len(texts))]

    def find_all(self, texts: Sequence[str], questions: Sequence[str] | None = None) -> list[Found]:
        """What each lexicon, in order, finds in all texts; see `find`."""
        questions = questions or [""] * len(texts)
        row_of_text = np.cumsum([len(text) for text in texts]) // _AT_ONCE
        bounds = [0, *(np.flatnonzero(np.diff(row_of_text)) + 1).tolist(), len(texts)]
        parts = [
            [found.after(first) for found in self._in_row(texts[first:last], questions[first:last])]
            for first, last in pairwise(bounds)
        ]
        return [Found.joined(found) for found in zip(*parts, strict=True)]

    def _in_row(self, texts: Sequence[str], questions: Sequence[str]) -> list[Found]:
        prose = Prose([self._lowered(text) for text in texts])
        row = Row.of(prose.lowered)
        hits = self._anchors.scan(prose.lowered, row)
        literal, literal_lexicon = self._substrings.at(row, hits, self._anchors.sizes)
        plain, plain_lexicon = self._plain.at(row, hits.only(hits.todo == PLAIN), self._anchors.sizes)
        searched = self._searched(prose, hits.only(hits.todo == SEARCH))
        found: list[Found] = []
        masked: tuple[np.ndarray, np.ndarray] | None = None
        for index, words in enumerate(self._words):
            if words is None:
                found.append(literal.only(literal_lexicon == index))
                continue
            if masked is None:
                starts, ends = masks(row)
                masked = row.characters(starts), row.characters(ends)
            every = Found.joined([plain.only(plain_lexicon == index), Found.of(searched[index])])
            found.append(words.counting(every, row.first_characters, masked, prose, questions))
        return found

    def _lowered(self, text: str) -> str:
        if text.isascii():
            return text.lower()
        # The Kelvin sign is the one character beyond ASCII whose lower case is one of ASCII.
        if self._beyond_ascii or "\N{KELVIN SIGN}" in text:
            return lower_in_place(text)
        return text.encode().lower().decode()

    def _searched(self, prose: Prose, hits: Hits) -> list[list[tuple[int, int, int, int]]]:
        """Of each lexicon the phrases that stand over the hits: text, start, end and marker."""
        found: list[list[tuple[int, int, int, int]]] = [[] for _ in self._words]
        phrases_of = [anchor.phrases for anchor in self._anchors.anchors]
        for text, place, anchor in zip(hits.text.tolist(), hits.place.tolist(), hits.anchor.tolist(), strict=True):
            for index, phrases in phrases_of[anchor]:
                for start, end, phrase in phrases.find(prose.seen_by(phrases, text), place):
                    if phrase[0] != "^" or begins_clause(prose.lowered[text], start):
                        found[index].append((text, start, end, self._numbers[index][phrase.removeprefix("^")]))
        return found
