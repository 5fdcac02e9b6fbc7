"""Find the markers of several lexicons in many texts at once.

All work is done in arrays over all texts, except for phrases: their regular expressions are tried only around an
anchor, where the bytes next to it allow a match. Exclusions and quotations are checked only where a marker matches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from infogap.measure.marker_anchors import PLAIN, SEARCH, Anchors, Hits
from infogap.measure.marker_matches import LoweredTexts, MarkerMatches, WordRules
from infogap.measure.phrase_patterns import Span, begins_clause
from infogap.text.markup import masks
from infogap.text.text_batch import TextBatch, lower_in_place

_BATCH = 2_000_000  # characters of texts per batch: more do not fit in a processor's cache


@dataclass(frozen=True)
class Markers:
    """Markers by category, and how they match.

    Under `substring` every marker counts wherever the lower-cased text contains it, as `str.count` does, whatever
    other markers match there. Under `word`, markers are whole words or phrases of the prose, outside of exclusions and
    quotations of the question; at each position the longest counts, and of overlapping ones the first.
    """

    matching: Literal["substring", "word"]
    markers: dict[str, str]  # marker -> category
    initial: frozenset[str]  # markers that count at the beginning of a clause only
    exclusions: tuple[str, ...]

    @property
    def phrases(self) -> list[str]:
        """The markers as a lexicon's file spells them."""
        return [f"^{marker}" if marker in self.initial else marker for marker in self.markers]


class MarkerSearch:
    """The search for the markers of some lexicons."""

    def __init__(self, lexicons: Sequence[Markers]) -> None:
        self._names = [list(lexicon.markers) for lexicon in lexicons]
        self._rules = [
            None if lexicon.matching == "substring" else WordRules(lexicon.phrases, lexicon.exclusions)
            for lexicon in lexicons
        ]
        self._anchors = Anchors(
            [
                (index, marker)
                for index, names in enumerate(self._names)
                if self._rules[index] is None
                for marker in names
            ],
            [(index, rules.phrases) for index, rules in enumerate(self._rules) if rules is not None],
        )
        anchors = self._anchors.anchors
        self._numbers = [{name: number for number, name in enumerate(names)} for names in self._names]
        self._substrings = _LiteralMarkers([anchor.substrings for anchor in anchors], self._numbers)
        self._plain = _LiteralMarkers([anchor.plain for anchor in anchors], self._numbers)
        # Lower-casing beyond ASCII takes ten times as long, and matters only if a marker has such letters.
        letters = {
            letter for lexicon in lexicons for text in (*lexicon.markers, *lexicon.exclusions) for letter in text
        }
        self._beyond_ascii = any(letter != letter.upper() and not letter.isascii() for letter in letters)

    def spans(self, texts: Sequence[str], questions: Sequence[str] | None = None) -> list[list[list[Span]]]:
        """Return for every text, and for each lexicon in order, its markers (start, end, marker), from left to right.

        `questions`, one for each text, are what the text may quote: markers in a quotation do not count.
        """
        by_lexicon = [
            matches.spans(len(texts), names)
            for matches, names in zip(self.matches(texts, questions), self._names, strict=True)
        ]
        return [[spans[text] for spans in by_lexicon] for text in range(len(texts))]

    def matches(self, texts: Sequence[str], questions: Sequence[str] | None = None) -> list[MarkerMatches]:
        """Return each lexicon's matches in all texts, as arrays; see `spans`."""
        questions = questions or [""] * len(texts)
        batch_of_text = np.cumsum([len(text) for text in texts]) // _BATCH
        bounds = [0, *(np.flatnonzero(np.diff(batch_of_text)) + 1).tolist(), len(texts)]
        parts = [
            [matches.shifted(first) for matches in self._in_batch(texts[first:last], questions[first:last])]
            for first, last in pairwise(bounds)
        ]
        return [MarkerMatches.concatenated(matches) for matches in zip(*parts, strict=True)]

    def _in_batch(self, texts: Sequence[str], questions: Sequence[str]) -> list[MarkerMatches]:
        lowered = LoweredTexts([self._lowered(text) for text in texts])
        batch = TextBatch.of(lowered.lowered)
        hits = self._anchors.scan(batch)
        literal, literal_lexicon = self._substrings.at(batch, hits, self._anchors.sizes)
        plain, plain_lexicon = self._plain.at(batch, hits.take(hits.todo == PLAIN), self._anchors.sizes)
        phrases = self._phrases_at(lowered, hits.take(hits.todo == SEARCH))
        by_lexicon: list[MarkerMatches] = []
        masked: tuple[np.ndarray, np.ndarray] | None = None
        for index, rules in enumerate(self._rules):
            if rules is None:
                by_lexicon.append(literal.take(literal_lexicon == index))
                continue
            if masked is None:
                starts, ends = masks(batch)
                masked = batch.characters(starts), batch.characters(ends)
            every = MarkerMatches.concatenated([plain.take(plain_lexicon == index), MarkerMatches.of(phrases[index])])
            by_lexicon.append(rules.counted(every, batch.first_characters, masked, lowered, questions))
        return by_lexicon

    def _lowered(self, text: str) -> str:
        if text.isascii():
            return text.lower()
        # The Kelvin sign is the one character beyond ASCII whose lower case is one of ASCII.
        if self._beyond_ascii or "\N{KELVIN SIGN}" in text:
            return lower_in_place(text)
        return text.encode().lower().decode()

    def _phrases_at(self, texts: LoweredTexts, hits: Hits) -> list[list[tuple[int, int, int, int]]]:
        """Return the phrases of each lexicon that cover a hit: text, start, end and marker."""
        matches: list[list[tuple[int, int, int, int]]] = [[] for _ in self._rules]
        phrases_of = [anchor.phrases for anchor in self._anchors.anchors]
        for text, place, anchor in zip(hits.text.tolist(), hits.place.tolist(), hits.anchor.tolist(), strict=True):
            for index, phrases in phrases_of[anchor]:
                for start, end, phrase in phrases.find(texts.for_phrases(phrases, text), place):
                    if phrase[0] != "^" or begins_clause(texts.lowered[text], start):
                        matches[index].append((text, start, end, self._numbers[index][phrase.removeprefix("^")]))
        return matches


class _LiteralMarkers:
    """Markers that match as they are written: for every anchor, those that begin with it or with a part of it."""

    def __init__(self, of_anchors: Sequence[Sequence[tuple[int, str]]], numbers: Sequence[dict[str, int]]) -> None:
        """`of_anchors` pairs markers with their lexicon's index; `numbers` are each lexicon's indices of markers."""
        every = [literal for literals in of_anchors for literal in literals]
        self._count = np.array([len(literals) for literals in of_anchors], np.int64)
        self._first = np.cumsum(self._count) - self._count
        self._lexicon = np.array([index for index, _ in every], np.int64)
        self._marker = np.array([numbers[index][marker] for index, marker in every], np.int64)
        self._characters = np.array([len(marker) for _, marker in every], np.int64)
        encoded = [marker.encode() for _, marker in every]
        self._bytes = np.array([len(text) for text in encoded], np.int64)
        self._letters = np.zeros((len(every), max(map(len, encoded), default=0)), np.uint8)
        for letters, text in zip(self._letters, encoded, strict=True):
            letters[: len(text)] = list(text)
        self._self_overlapping = np.array(
            [any(marker[place:] == marker[:-place] for place in range(1, len(marker))) for _, marker in every], bool
        )

    def at(self, batch: TextBatch, hits: Hits, anchor_bytes: np.ndarray) -> tuple[MarkerMatches, np.ndarray]:
        """Return the matches at the hits, and the lexicon of each. `anchor_bytes` is the size of every anchor.

        Of a marker that overlaps itself only what `str.count` counts is returned.
        """
        count = self._count[hits.anchor]
        hit = np.repeat(np.arange(len(count)), count)
        literal = self._first[hits.anchor][hit] + np.arange(len(hit)) - (np.cumsum(count) - count)[hit]
        begin = hits.begin[hit]
        matches = np.ones(len(hit), bool)
        # The bytes of the anchor are known to match: only longer markers are compared, byte by byte.
        longer = np.flatnonzero(self._bytes[literal] > anchor_bytes[hits.anchor][hit])
        for offset in range(self._letters.shape[1]):
            longer = longer[self._bytes[literal[longer]] > offset]
            place = np.minimum(begin[longer] + offset, len(batch.content) - 1)
            matches[longer] &= batch.content[place] == self._letters[literal[longer], offset]
            longer = longer[matches[longer]]
        free: dict[int, int] = {}
        for number in np.flatnonzero(matches & self._self_overlapping[literal]).tolist():
            which, place = int(literal[number]), int(begin[number])
            marker = int(self._lexicon[which]) << 32 | int(self._marker[which])
            matches[number] = place >= free.get(marker, 0)
            if matches[number]:
                free[marker] = place + int(self._bytes[which])
        hit, literal = hit[matches], literal[matches]
        start = hits.place[hit]
        return (
            MarkerMatches(hits.text[hit], start, start + self._characters[literal], self._marker[literal]),
            self._lexicon[literal],
        )
