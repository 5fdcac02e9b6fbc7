"""Which of the phrases of a lexicon that stand in texts count."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from infogap.measure.found import Found
from infogap.measure.phrases import Around, by_length
from infogap.measure.quotes import has_word, is_quoted, words
from infogap.text.characters import without_ideographs


class Prose:
    """Lower-cased texts, and what the phrases of words are searched in: the same without Chinese."""

    def __init__(self, lowered: list[str]) -> None:
        self.lowered = lowered
        self._spaced: dict[int, str] = {}

    def seen_by(self, phrases: Around, text: int) -> str:
        lowered = self.lowered[text]
        if phrases.running or lowered.isascii():
            return lowered
        if text not in self._spaced:
            self._spaced[text] = without_ideographs(lowered)
        return self._spaced[text]


class WordMarkers:
    """The markers of a lexicon of words, as its file spells them, and its exclusions."""

    def __init__(self, phrases: Sequence[str], exclusions: Sequence[str]) -> None:
        self.phrases = list(phrases)
        order = {phrase: rank for rank, phrase in enumerate(sorted(phrases, key=by_length))}
        self._rank = np.array([order[phrase] for phrase in phrases], np.int64)
        self._exclusions = _Exclusions([phrase.removeprefix("^") for phrase in phrases], exclusions)
        self._first_words = [_first_word(phrase.removeprefix("^")) for phrase in phrases]

    def counting(
        self,
        found: Found,
        firsts: np.ndarray,
        masked: tuple[np.ndarray, np.ndarray],
        prose: Prose,
        questions: Sequence[str],
    ) -> Found:
        """Of all that was found, what counts: of every start the longest; of overlapping ones the first.

        `firsts` are the texts' places in the row that they stand in, and `masked` starts and ends of what is no prose
        there, in characters.
        """
        start = firsts[found.text] + found.start
        order = np.argsort(start * len(self._rank) + self._rank[found.marker])
        found, start = found.only(order), start[order]
        longest = np.flatnonzero(np.diff(start, prepend=-1))
        found, start = found.only(longest), start[longest]
        end = start + found.end - found.start
        counts = ~_overlap(start, end, *masked)
        for number, *span in _numbered(found, counts & self._exclusions.some[found.marker]):
            counts[number] = not self._exclusions.cover(prose, *span)
        if any(questions):
            for number, text, begin, after, _ in _numbered(found, counts & self._in_question(found, questions)):
                counts[number] = not is_quoted(prose.lowered[text], begin, after, questions[text])
        found, start, end = found.only(counts), start[counts], end[counts]
        return found.only(_apart(start, end))

    def _in_question(self, found: Found, questions: Sequence[str]) -> np.ndarray:
        """Whether the question has the word that each begins with; without it nothing is quoted."""
        distinct = {question: number for number, question in enumerate(dict.fromkeys(questions))}
        question = np.array([distinct[question] for question in questions], np.int64)[found.text]
        pairs, pair = np.unique(question * len(self._rank) + found.marker, return_inverse=True)
        asked, told = list(distinct), []
        for number in pairs.tolist():
            question_number, marker = divmod(number, len(self._rank))
            first = self._first_words[marker]
            told.append(first is None or has_word(asked[question_number], first))
        return np.array(told, bool)[pair]


class _Exclusions:
    """Phrases of a lexicon in which a marker means something else."""

    def __init__(self, markers: list[str], phrases: Sequence[str]) -> None:
        self._markers = markers
        self._phrases = phrases
        self.some = np.array([any(marker in phrase for phrase in phrases) for marker in markers], bool)
        self._around: dict[int, list[Around]] = {}

    def cover(self, prose: Prose, text: int, start: int, end: int, marker: int) -> bool:
        """Whether a marker that stands there is part of such a phrase."""
        for around in self._of(marker):
            found = around.find(prose.seen_by(around, text), start)
            if any(before <= start and end <= after for before, after, _ in found):
                return True
        return False

    def _of(self, marker: int) -> list[Around]:
        if marker not in self._around:
            text = self._markers[marker]
            containing = [phrase for phrase in self._phrases if text in phrase]
            # Those that any word may begin are told by what follows, the others by the word before.
            groups = [
                [phrase for phrase in containing if phrase.startswith("*") is any_word] for any_word in (True, False)
            ]
            self._around[marker] = [Around(group, text) for group in groups if group]
        return self._around[marker]


def _first_word(marker: str) -> str | None:
    """The word that the marker begins with; None where that is not the same wherever it stands."""
    first = words(marker)[:1]
    return first[0] if first and marker.startswith(first[0]) and marker[len(first[0]) :][:1] != "-" else None


def _numbered(found: Found, which: np.ndarray) -> Iterable[tuple[int, int, int, int, int]]:
    """Those where a mask is true: the place among all, text, start, end and marker."""
    some = found.only(which)
    columns = (np.flatnonzero(which), some.text, some.start, some.end, some.marker)
    return zip(*(column.tolist() for column in columns), strict=True)


def _overlap(start: np.ndarray, end: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Whether spans reach into masked parts, which are sorted and apart."""
    before = np.searchsorted(starts, end) - 1  # the last one that begins before the span ends
    return np.append(ends, 0)[before] > start


def _apart(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Of sorted spans, those that begin where no earlier one of them stands."""
    apart = np.ones(len(start), bool)
    if (start[1:] >= end[:-1]).all():
        return apart
    free = 0
    for number, (begin, after) in enumerate(zip(start.tolist(), end.tolist(), strict=True)):
        apart[number] = begin >= free
        if begin >= free:
            free = after
    return apart
