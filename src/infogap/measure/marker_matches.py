"""Matches of a lexicon's markers in many texts, as arrays, and the rules for which of them count."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

import numpy as np

from infogap.measure.phrase_patterns import PivotPhrases, Span, by_length
from infogap.measure.quotations import has_word, is_quoted, words
from infogap.text.characters import without_ideographs


@dataclass(frozen=True)
class MarkerMatches:
    """Matches of one lexicon's markers: four arrays of one length, an entry per match."""

    text: np.ndarray  # the text's index
    start: np.ndarray  # in characters of the text
    end: np.ndarray  # exclusive
    marker: np.ndarray  # the marker's index in the lexicon

    @classmethod
    def of(cls, spans: Sequence[tuple[int, int, int, int]]) -> Self:
        """From tuples of text, start, end and marker."""
        return cls(*np.array(spans, np.int64).reshape(-1, 4).T)

    @classmethod
    def concatenated(cls, parts: Sequence[Self]) -> Self:
        names = ("text", "start", "end", "marker")
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))

    def take(self, which: np.ndarray) -> MarkerMatches:
        """The matches at some indices, or where a mask is true."""
        return MarkerMatches(self.text[which], self.start[which], self.end[which], self.marker[which])

    def shifted(self, texts: int) -> MarkerMatches:
        """The same matches with the index of every text raised by `texts`."""
        return MarkerMatches(self.text + texts, self.start, self.end, self.marker)

    def spans(self, texts: int, markers: Sequence[str]) -> list[list[Span]]:
        """The spans of each text, for matches sorted by text. `texts` is the number of texts."""
        names = [markers[number] for number in self.marker.tolist()]
        every = list(zip(self.start.tolist(), self.end.tolist(), names, strict=True))
        bounds = np.searchsorted(self.text, np.arange(texts + 1)).tolist()
        return [every[first:last] for first, last in pairwise(bounds)]


class LoweredTexts:
    """Lower-cased texts, and the same without Chinese characters for the phrases that are made of words."""

    def __init__(self, lowered: list[str]) -> None:
        self.lowered = lowered
        self._spaced: dict[int, str] = {}

    def for_phrases(self, phrases: PivotPhrases, text: int) -> str:
        lowered = self.lowered[text]
        if phrases.running or lowered.isascii():
            return lowered
        if text not in self._spaced:
            self._spaced[text] = without_ideographs(lowered)
        return self._spaced[text]


class WordRules:
    """The rules of a lexicon with `matching: word`. `phrases` are its markers as the file spells them."""

    def __init__(self, phrases: Sequence[str], exclusions: Sequence[str]) -> None:
        self.phrases = list(phrases)
        order = {phrase: rank for rank, phrase in enumerate(sorted(phrases, key=by_length))}
        self._rank = np.array([order[phrase] for phrase in phrases], np.int64)
        self._exclusions = _Exclusions([phrase.removeprefix("^") for phrase in phrases], exclusions)
        self._first_words = [_first_word(phrase.removeprefix("^")) for phrase in phrases]

    def counted(
        self,
        matches: MarkerMatches,
        first_characters: np.ndarray,
        masked: tuple[np.ndarray, np.ndarray],
        texts: LoweredTexts,
        questions: Sequence[str],
    ) -> MarkerMatches:
        """Keep the matches that count: the longest at each start, outside code, LaTeX, exclusions and quotations, and
        of overlapping ones the first.

        `first_characters` are the texts' positions in the batch; `masked` holds starts and ends of code and LaTeX
        there. All are in characters.
        """
        start = first_characters[matches.text] + matches.start
        order = np.argsort(start * len(self._rank) + self._rank[matches.marker])
        matches, start = matches.take(order), start[order]
        longest = np.flatnonzero(np.diff(start, prepend=-1))
        matches, start = matches.take(longest), start[longest]
        end = start + matches.end - matches.start
        counts = ~_overlap(start, end, *masked)
        for number, *span in _numbered(matches, counts & self._exclusions.affected[matches.marker]):
            counts[number] = not self._exclusions.cover(texts, *span)
        if any(questions):
            for number, text, begin, after, _ in _numbered(matches, counts & self._in_question(matches, questions)):
                counts[number] = not is_quoted(texts.lowered[text], begin, after, questions[text])
        matches, start, end = matches.take(counts), start[counts], end[counts]
        return matches.take(_without_overlaps(start, end))

    def _in_question(self, matches: MarkerMatches, questions: Sequence[str]) -> np.ndarray:
        """True where the question has the marker's first word; without it the marker cannot be a quotation."""
        distinct = {question: number for number, question in enumerate(dict.fromkeys(questions))}
        question = np.array([distinct[question] for question in questions], np.int64)[matches.text]
        pairs, pair = np.unique(question * len(self._rank) + matches.marker, return_inverse=True)
        by_number, possible = list(distinct), []
        for number in pairs.tolist():
            question_number, marker = divmod(number, len(self._rank))
            first = self._first_words[marker]
            possible.append(first is None or has_word(by_number[question_number], first))
        return np.array(possible, bool)[pair]


class _Exclusions:
    """Phrases of a lexicon in which a marker means something else."""

    def __init__(self, markers: list[str], phrases: Sequence[str]) -> None:
        self._markers = markers
        self._phrases = phrases
        self.affected = np.array([any(marker in phrase for phrase in phrases) for marker in markers], bool)
        self._by_marker: dict[int, list[PivotPhrases]] = {}

    def cover(self, texts: LoweredTexts, text: int, start: int, end: int, marker: int) -> bool:
        """True if the marker at `start` is part of an exclusion."""
        for phrases in self._containing(marker):
            spans = phrases.find(texts.for_phrases(phrases, text), start)
            if any(before <= start and end <= after for before, after, _ in spans):
                return True
        return False

    def _containing(self, marker: int) -> list[PivotPhrases]:
        if marker not in self._by_marker:
            text = self._markers[marker]
            containing = [phrase for phrase in self._phrases if text in phrase]
            # Phrases that begin with any word are ruled out by what follows, the others by the word before.
            groups = [
                [phrase for phrase in containing if phrase.startswith("*") is any_word] for any_word in (True, False)
            ]
            self._by_marker[marker] = [PivotPhrases(group, text) for group in groups if group]
        return self._by_marker[marker]


def _first_word(marker: str) -> str | None:
    """The first word of a marker; None if that depends on how the marker is written."""
    first = words(marker)[:1]
    return first[0] if first and marker.startswith(first[0]) and marker[len(first[0]) :][:1] != "-" else None


def _numbered(matches: MarkerMatches, which: np.ndarray) -> Iterable[tuple[int, int, int, int, int]]:
    """The matches where a mask is true: index, text, start, end and marker."""
    some = matches.take(which)
    columns = (np.flatnonzero(which), some.text, some.start, some.end, some.marker)
    return zip(*(column.tolist() for column in columns), strict=True)


def _overlap(start: np.ndarray, end: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """True for spans that overlap one of the masked spans, which are sorted and disjoint."""
    before = np.searchsorted(starts, end) - 1  # the last one that begins before the span ends
    return np.append(ends, 0)[before] > start


def _without_overlaps(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Mask of sorted spans: true for those that begin after the end of the last one kept."""
    kept = np.ones(len(start), bool)
    if (start[1:] >= end[:-1]).all():
        return kept
    free = 0
    for number, (begin, after) in enumerate(zip(start.tolist(), end.tolist(), strict=True)):
        kept[number] = begin >= free
        if begin >= free:
            free = after
    return kept
