"""Find what a trace copies word for word from its teacher's context, and not from the question."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from infogap.leaks.scanned_trace import Leak, ScannedTrace
from infogap.text.characters import IDEOGRAPH, half_width, has_ideograph, has_variants, marked_words
from infogap.text.text_batch import lower_in_place

NGRAM = 8
"""Words per n-gram."""
LEAKING_RUN = 12
"""Consecutive copied words that are a leak if `LEAKING_PROSE` of them are words and not symbols or numbers."""
LEAKING_PROSE = 9

_FOLLOWED = 4  # occurrences of one n-gram in a context, so that an endlessly repetitive context costs no more
_WORD = re.compile(rf"[{IDEOGRAPH}]|[^\W_{IDEOGRAPH}]+")
_LATIN_WORD = re.compile(r"[^\W_]+")
_FIRST_IDEOGRAPH = "\u3040"
_COMMAND = re.compile(r"\\[a-zA-Z]+")

Gram = tuple[str, ...]


@dataclass(frozen=True)
class Copied:
    """Share of copied n-grams (None without n-grams), longest run in words (None without a context), and leaks."""

    share: float | None
    longest: int | None
    leaks: list[Leak]


@dataclass(frozen=True)
class _Run:
    start: int  # in the trace's words
    length: int


def find_copies(trace: ScannedTrace) -> Copied:
    """Find what a trace copies from its context.

    Words are compared without case, punctuation and the symbols of formulas, and in one form of Unicode: accents may be
    apart from their letters. In scripts without spaces every character is a word, but counts half towards a run that
    is a leak. No n-gram of a run of eight words or more is in the question; a shorter run is not in the question
    itself.
    """
    seen = trace.may_have_seen if trace.context is None else trace.context
    if seen is None:
        return Copied(None, None, [])
    words, context, question = (_words(text) for text in (trace.text, seen, trace.question))
    grams = len(words) - NGRAM + 1
    known = _known_stretches(words, frozenset(context))
    hits = _hits(words, known, context, question, NGRAM)
    if not hits:
        shorter = (size for size in range(NGRAM - 1, 0, -1) if _hits(words, known, context, question, size))
        return Copied(0.0 if grams > 0 else None, next(shorter, 0), [])
    runs = _runs(hits, words, context)
    return Copied(len(hits) / grams, max(run.length for run in runs), _leaks(trace.text, runs))


def _words(text: str) -> list[str]:
    if has_variants(text):
        return [half_width(word.group()) for word in marked_words(lower_in_place(text))]
    word = _WORD if has_ideograph(text) else _LATIN_WORD
    return word.findall(lower_in_place(text))


def _spans(text: str) -> list[tuple[int, int]]:
    """Return the places of the words."""
    lowered = lower_in_place(text)
    if has_variants(text):
        return [word.span() for word in marked_words(lowered)]
    return [word.span() for word in (_WORD if has_ideograph(text) else _LATIN_WORD).finditer(lowered)]


def _known_stretches(words: list[str], known: frozenset[str]) -> list[tuple[int, int]]:
    """Return start and end of the stretches of words that the context has too: only these can be copied."""
    unknown = [place for place, word in enumerate(words) if word not in known]
    bounds = pairwise([-1, *unknown, len(words)])
    return [(before + 1, after) for before, after in bounds if after - before > 1]


def _hits(
    words: list[str], known: list[tuple[int, int]], context: list[str], question: list[str], size: int
) -> list[int]:
    """Return the positions of n-grams that are in the context and not in the question."""
    starts = [start for begin, end in known for start in range(begin, end - size + 1)]
    if not starts:
        return []
    in_context = _grams(context, size)
    hits = [start for start in starts if tuple(words[start : start + size]) in in_context]
    if not hits:
        return []
    in_question = _grams(question, size)
    return [start for start in hits if tuple(words[start : start + size]) not in in_question]


def _grams(words: list[str], size: int) -> set[Gram]:
    return set(zip(*(words[offset:] for offset in range(size)), strict=False))


def _runs(hits: list[int], words: list[str], context: list[str]) -> list[_Run]:
    """Return the longest runs of hits that are consecutive in both context and trace, from left to right."""
    wanted = {tuple(words[start : start + NGRAM]) for start in hits}
    places: dict[Gram, list[int]] = {}
    for place in range(len(context) - NGRAM + 1):
        gram = tuple(context[place : place + NGRAM])
        if gram in wanted and len(occurrences := places.setdefault(gram, [])) < _FOLLOWED:
            occurrences.append(place)
    runs: list[_Run] = []
    before = -2
    going: dict[int, int] = {}  # place in the context of the hit before -> where its run began
    for hit in hits:
        if hit != before + 1:
            going = {}
        going = {place: going.get(place - 1, hit) for place in places[tuple(words[hit : hit + NGRAM])]}
        start = min(going.values())
        if runs and runs[-1].start == start:
            runs.pop()
        runs.append(_Run(start, hit + NGRAM - start))
        before = hit
    return runs


def shared_passages(text: str, context: str, question: str, least: int) -> list[tuple[int, int]]:
    """Return the spans of a text, in characters, that have `least` words or more in a row from a context.

    They are found as `find_copies` finds leaks: no n-gram of them is in the question, and as large a share of the least
    number of words are words and not symbols or numbers.
    """
    words, of_context, of_question = (_words(each) for each in (text, context, question))
    hits = _hits(words, _known_stretches(words, frozenset(of_context)), of_context, of_question, NGRAM)
    return _passages(text, _runs(hits, words, of_context), least)


def _leaks(text: str, runs: list[_Run]) -> list[Leak]:
    leaks: list[Leak] = []
    for begin, end in _passages(text, runs, LEAKING_RUN):
        # Two runs can meet in the trace and not in the context.
        start = max(begin, leaks[-1]["end"]) if leaks else begin
        leaks.append(Leak(kind="copying", rule="run", start=start, end=end, evidence=text[start:end]))
    return leaks


def _passages(text: str, runs: list[_Run], least: int) -> list[tuple[int, int]]:
    """Return the spans of the runs of at least so many words that are prose."""
    long = [run for run in runs if run.length >= least]
    if not long:
        return []
    spans = _spans(text)
    bounds = [(spans[run.start][0], spans[run.start + run.length - 1][1]) for run in long]
    return [(start, end) for start, end in bounds if _is_prose(text[start:end], least)]


def _is_prose(passage: str, least: int) -> bool:
    words = _WORD.findall(_COMMAND.sub(" ", half_width(passage)))
    spelt = [word for word in words if word < _FIRST_IDEOGRAPH or not has_ideograph(word)]  # Korean has spaces
    characters = (len(words) - len(spelt)) / 2
    spelt_out = sum(len(word) > 1 and word.isalpha() for word in spelt)
    return len(spelt) + characters >= least and (spelt_out + characters) * LEAKING_RUN >= LEAKING_PROSE * least
