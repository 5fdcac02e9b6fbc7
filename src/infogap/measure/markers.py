"""Finding the markers of several lexicons in many texts at once.

Regular expressions are tried only where an anchor of a marker stands, and what a marker stands in (a formula, an
exclusion, a quotation) is looked at only where a marker was found.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from infogap.measure.anchors import Anchors, Hits
from infogap.measure.masks import Masks
from infogap.measure.phrases import Around, Span, begins_clause, by_length
from infogap.measure.quotes import is_quoted
from infogap.measure.scripts import without_ideographs
from infogap.measure.surroundings import PLAIN, SEARCH
from infogap.measure.text import lower_in_place

if TYPE_CHECKING:
    from infogap.measure.lexicon import Lexicon


class MarkerFinder:
    """Finds the markers of some lexicons."""

    def __init__(self, lexicons: Sequence[Lexicon]) -> None:
        self._substring = [lexicon.matching == "substring" for lexicon in lexicons]
        self._exclusions = [_Exclusions(lexicon.exclusions) for lexicon in lexicons]
        numbered = list(enumerate(lexicons))
        literal = [
            (index, marker) for index, lexicon in numbered if self._substring[index] for marker in lexicon.markers
        ]
        self._anchors = Anchors(
            literal, [(index, lexicon.phrases) for index, lexicon in numbered if not self._substring[index]]
        )
        self._plain = [anchor.plain for anchor in self._anchors.anchors]
        self._self_overlapping = {
            marker for _, marker in literal if any(marker[place:] == marker[:-place] for place in range(1, len(marker)))
        }
        # Lower case beyond ASCII takes ten times as long, and matters only where a marker has such letters.
        letters = {
            letter for lexicon in lexicons for text in (*lexicon.markers, *lexicon.exclusions) for letter in text
        }
        self._beyond_ascii = any(letter != letter.upper() and not letter.isascii() for letter in letters)

    def find(self, texts: Sequence[str], questions: Sequence[str] | None = None) -> list[list[list[Span]]]:
        """Of every text, for each lexicon in order, where its markers stand, from left to right.

        `questions`, one for each text, are what the text may quote: markers in a quotation do not count.
        """
        lowered = [self._lowered(text) for text in texts]
        return [
            self._spans(text, hits, question)
            for text, hits, question in zip(
                lowered, self._anchors.scan(lowered), questions or [""] * len(texts), strict=True
            )
        ]

    def _lowered(self, text: str) -> str:
        if text.isascii():
            return text.lower()
        # The Kelvin sign is the one character beyond ASCII whose lower case is one of ASCII.
        if self._beyond_ascii or "\N{KELVIN SIGN}" in text:
            return lower_in_place(text)
        return text.encode().lower().decode()

    def _spans(self, lowered: str, hits: Hits, question: str) -> list[list[Span]]:
        found: list[list[Span]] = [[] for _ in self._substring]
        free: dict[tuple[int, str], int] = {}
        spaced = lowered if lowered.isascii() else without_ideographs(lowered)
        for place, key, todo in zip(hits.places, hits.anchors, hits.todo, strict=True):
            anchor = self._anchors.anchors[key]
            for index, marker in anchor.substrings:
                if lowered.startswith(marker, place):
                    if marker in self._self_overlapping:
                        if place < free.get((index, marker), 0):
                            continue
                        free[index, marker] = place + len(marker)
                    found[index].append((place, place + len(marker), marker))
            if todo == PLAIN and (plain := self._plain[key]):
                found[plain[0]].append((place, place + len(plain[1]), plain[1]))
            elif todo == SEARCH:
                for index, phrases in anchor.phrases:
                    found[index] += phrases.find(lowered if phrases.running else spaced, place)
        masks = Masks(lowered)
        return [
            spans if substring else _counting(spans, lowered, spaced, masks, exclusions, question)
            for spans, substring, exclusions in zip(found, self._substring, self._exclusions, strict=True)
        ]


def _counting(
    found: list[Span], lowered: str, spaced: str, masks: Masks, exclusions: _Exclusions, question: str
) -> list[Span]:
    """Of all that was found, what counts: of every start the longest; of overlapping ones the first."""
    longest: dict[int, Span] = {}
    for span in found:
        start, _, phrase = span
        if phrase[0] == "^" and not begins_clause(lowered, start):
            continue
        other = longest.get(start)
        if other is None or by_length(phrase) < by_length(other[2]):
            longest[start] = span
    counting: list[Span] = []
    free = 0
    for start in sorted(longest):
        _, end, phrase = longest[start]
        if start < free or masks.overlap(start, end) or exclusions.cover(lowered, spaced, start, end, phrase):
            continue
        if question and is_quoted(lowered, start, end, question):
            continue
        counting.append((start, end, phrase.removeprefix("^")))
        free = end
    return counting


class _Exclusions:
    """Phrases of a lexicon in which a marker means something else."""

    def __init__(self, phrases: Sequence[str]) -> None:
        self._phrases = phrases
        self._around: dict[str, list[Around]] = {}

    def cover(self, lowered: str, spaced: str, start: int, end: int, marker: str) -> bool:
        """Whether a marker that stands there is part of such a phrase."""
        for around in self._of(marker):
            found = around.find(lowered if around.running else spaced, start)
            if any(before <= start and end <= after for before, after, _ in found):
                return True
        return False

    def _of(self, marker: str) -> list[Around]:
        if marker not in self._around:
            text = marker.removeprefix("^")
            containing = [phrase for phrase in self._phrases if text in phrase]
            # Those that any word may begin are told by what follows, the others by the word before.
            groups = [
                [phrase for phrase in containing if phrase.startswith("*") is any_word] for any_word in (True, False)
            ]
            self._around[marker] = [Around(group, text) for group in groups if group]
        return self._around[marker]
