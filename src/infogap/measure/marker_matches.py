"""Matches of a lexicon's markers in many texts, as arrays, and the rules for which of them count.

A marker in a quotation of the question does not count: it is the task's wording, not the writer's doubt.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Self

import numpy as np

from infogap.measure.phrase_patterns import PivotPhrases, Span, by_length
from infogap.text.characters import IDEOGRAPH, without_ideographs
from infogap.text.text_batch import lower_in_place


@dataclass(frozen=True)
class MarkerMatches:
    """Matches of one lexicon's markers: four arrays of one length, an entry per match."""

    text: np.ndarray  # the text's index
    start: np.ndarray  # in characters of the text
    end: np.ndarray  # exclusive
    marker: np.ndarray  # the marker's index in the lexicon

    @classmethod
    def of(cls, spans: Sequence[tuple[int, int, int, int]]) -> Self:
        """Make matches from tuples of text, start, end and marker."""
        return cls(*np.array(spans, np.int64).reshape(-1, 4).T)

    @classmethod
    def concatenated(cls, parts: Sequence[Self]) -> Self:
        names = ("text", "start", "end", "marker")
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))

    def take(self, which: np.ndarray) -> MarkerMatches:
        """Return the matches at some indices, or where a mask is true."""
        return MarkerMatches(self.text[which], self.start[which], self.end[which], self.marker[which])

    def shifted(self, texts: int) -> MarkerMatches:
        """Return the same matches with the index of every text raised by `texts`."""
        return MarkerMatches(self.text + texts, self.start, self.end, self.marker)

    def spans(self, texts: int, markers: Sequence[str]) -> list[list[Span]]:
        """Return the spans of each text, for matches sorted by text. `texts` is the number of texts."""
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
    """Return the first word of a marker; None if it depends on how the marker is written."""
    first = words(marker)[:1]
    return first[0] if first and marker.startswith(first[0]) and marker[len(first[0]) :][:1] != "-" else None


def _numbered(matches: MarkerMatches, which: np.ndarray) -> Iterable[tuple[int, int, int, int, int]]:
    """Return the matches where a mask is true: index, text, start, end and marker."""
    some = matches.take(which)
    columns = (np.flatnonzero(which), some.text, some.start, some.end, some.marker)
    return zip(*(column.tolist() for column in columns), strict=True)


def _overlap(start: np.ndarray, end: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Return a mask, true for spans that overlap one of the masked spans, which are sorted and disjoint."""
    before = np.searchsorted(starts, end) - 1  # the last one that begins before the span ends
    return np.append(ends, 0)[before] > start


def _without_overlaps(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Return a mask of sorted spans, true for those that begin after the end of the last one kept."""
    kept = np.ones(len(start), bool)
    if (start[1:] >= end[:-1]).all():
        return kept
    free = 0
    for number, (begin, after) in enumerate(zip(start.tolist(), end.tolist(), strict=True)):
        kept[number] = begin >= free
        if begin >= free:
            free = after
    return kept


# Quotations of the question

LONG = 8  # consecutive words that are a quotation without marks; of a shorter question, all its words
_SHORT = 4  # fewer words are no quotation
_REACH = 400  # characters on either side that are searched for a quotation
_NEAR = 80  # characters that nearly always hold all words that decide it
_WORD = re.compile(rf"[{IDEOGRAPH}]|[^\W_{IDEOGRAPH}]+")
_MARKS = (("“", "”"), ("「", "」"), ("《", "》"))


def is_quoted(lowered: str, start: int, end: int, question: str) -> bool:
    """True if a span of a lower-cased text lies in a quotation of the question.

    A quotation is a run of at least `LONG` words that the question has in the same order, whatever the punctuation; or
    text between quotation marks in one line, all of whose words are a passage of the question.
    """
    question_words = _question_words(question)
    inside = words(lowered[start:end])
    if inside[0] not in question_words.positions:
        return False
    return _in_run(lowered, start, end, inside, question_words) or _in_marks(lowered, start, end, question_words)


def has_word(question: str, word: str) -> bool:
    """True if the question, in lower case, has a word: only spans that begin with one of its words can be quoted."""
    return word in _question_words(question).positions


def words(text: str) -> list[str]:
    """Split lower-cased text into words, without punctuation; each Chinese character is a word."""
    return _WORD.findall(text)


class _QuestionWords:
    def __init__(self, question: str) -> None:
        self.words = words(lower_in_place(question))
        self.spaced = f" {' '.join(self.words)} "
        self.positions: dict[str, list[int]] = {}
        for position, word in enumerate(self.words):
            self.positions.setdefault(word, []).append(position)


@lru_cache(maxsize=4096)
def _question_words(question: str) -> _QuestionWords:
    return _QuestionWords(question)


def _in_run(lowered: str, start: int, end: int, inside: list[str], question: _QuestionWords) -> bool:
    enough = min(LONG, max(_SHORT, len(question.words)))
    places = [
        (first, first + len(inside))
        for first in question.positions[inside[0]]
        if question.words[first : first + len(inside)] == inside
    ]
    for reach in (_NEAR, _REACH) if places else ():
        before, after = words(lowered[max(0, start - reach) : start])[::-1], words(lowered[end : end + reach])
        if reach < _REACH:  # the words at the edges can be incomplete
            before = before[:-1] if start > reach else before
            after = after[:-1] if end + reach < len(lowered) else after
        known = True  # whether words further away change nothing
        for first, last in places:
            left = _common(before, question.words[:first][::-1])
            right = _common(after, question.words[last:])
            if left + len(inside) + right >= enough:
                return True
            known &= left < min(len(before), first) or left == first
            known &= right < min(len(after), len(question.words) - last) or right == len(question.words) - last
        if known:
            return False
    return False


def _common(left: list[str], right: list[str]) -> int:
    """Count the words that two lists share from their beginnings."""
    count = 0
    for ours, theirs in zip(left, right, strict=False):
        if ours != theirs:
            break
        count += 1
    return count


def _in_marks(lowered: str, start: int, end: int, question: _QuestionWords) -> bool:
    line_start = max(lowered.rfind("\n", 0, start) + 1, start - _REACH)
    line_end = lowered.find("\n", end, end + _REACH)
    before, after = lowered[line_start:start], lowered[end : line_end if line_end >= 0 else end + _REACH]
    quotations = [
        (before.rfind(opening), after.find(closing))
        for opening, closing in _MARKS
        if before.rfind(opening) > before.rfind(closing)
    ]
    if before.count('"') % 2:
        quotations.append((before.rfind('"'), after.find('"')))
    return any(
        closed >= 0 and f" {' '.join(words(lowered[line_start + opened : end + closed]))} " in question.spaced
        for opened, closed in quotations
    )
