"""Copying: what of a trace stands word for word in its teacher's context and not in the question."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from infogap.leaks.leak_input import Leak, Seen
from infogap.text.characters import IDEOGRAPH, has_ideograph
from infogap.text.trace_text import lower_in_place

NGRAM = 8
"""Words in the n-grams that are compared."""
LEAKING_RUN = 12
"""Words in a row that are a leak where they are copied and `LEAKING_PROSE` of them are no symbols or numbers."""
LEAKING_PROSE = 9

_PLACES = 4  # of one n-gram in a context that are followed: a context that repeats itself without end costs no more
_WORD = re.compile(rf"[{IDEOGRAPH}]|[^\W_{IDEOGRAPH}]+")
_LATIN_WORD = re.compile(r"[^\W_]+")
_FIRST_IDEOGRAPH = "\u3040"
_COMMAND = re.compile(r"\\[a-zA-Z]+")

Gram = tuple[str, ...]


@dataclass(frozen=True)
class Copied:
    """The share of copied n-grams (None without one), the longest run in words (None without a context), and leaks."""

    share: float | None
    longest: int | None
    leaks: list[Leak]


@dataclass(frozen=True)
class _Run:
    start: int  # in the trace's words
    length: int


def find_copies(seen: Seen) -> Copied:
    """What a trace copies from its context.

    Words are compared whatever their case, without punctuation and formulas' symbols; of scripts without spaces every
    character is a word, and half of one where it is asked whether a run is long enough for a leak. A run of eight
    words or more has none of its n-grams in the question; a shorter one does not stand there itself.
    """
    if seen.context is None:
        return Copied(None, None, [])
    words, context, question = (_words(text) for text in (seen.text, seen.context, seen.question))
    grams = len(words) - NGRAM + 1
    known = _known_stretches(words, frozenset(context))
    hits = _hits(words, known, context, question, NGRAM)
    if not hits:
        shorter = (size for size in range(NGRAM - 1, 0, -1) if _hits(words, known, context, question, size))
        return Copied(0.0 if grams > 0 else None, next(shorter, 0), [])
    runs = _runs(hits, words, context)
    return Copied(len(hits) / grams, max(run.length for run in runs), _leaks(seen.text, runs))


def _words(text: str) -> list[str]:
    word = _WORD if has_ideograph(text) else _LATIN_WORD
    return word.findall(lower_in_place(text))


def _known_stretches(words: list[str], known: frozenset[str]) -> list[tuple[int, int]]:
    """Start and end of the words in a row that the context has too: only there can anything be copied."""
    unknown = [place for place, word in enumerate(words) if word not in known]
    bounds = pairwise([-1, *unknown, len(words)])
    return [(before + 1, after) for before, after in bounds if after - before > 1]


def _hits(
    words: list[str], known: list[tuple[int, int]], context: list[str], question: list[str], size: int
) -> list[int]:
    """Where an n-gram of the words begins that the context has and the question has not."""
    starts = [start for begin, end in known for start in range(begin, end - size + 1)]
    if not starts:
        return []
    shown = _grams(context, size)
    hits = [start for start in starts if tuple(words[start : start + size]) in shown]
    if not hits:
        return []
    asked = _grams(question, size)
    return [start for start in hits if tuple(words[start : start + size]) not in asked]


def _grams(words: list[str], size: int) -> set[Gram]:
    return set(zip(*(words[offset:] for offset in range(size)), strict=False))


def _runs(hits: list[int], words: list[str], context: list[str]) -> list[_Run]:
    """The longest runs of hits that follow each other in the context as in the trace, from left to right."""
    wanted = {tuple(words[start : start + NGRAM]) for start in hits}
    places: dict[Gram, list[int]] = {}
    for place in range(len(context) - NGRAM + 1):
        gram = tuple(context[place : place + NGRAM])
        if gram in wanted and len(found := places.setdefault(gram, [])) < _PLACES:
            found.append(place)
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


def _leaks(text: str, runs: list[_Run]) -> list[Leak]:
    long = [run for run in runs if run.length >= LEAKING_RUN]
    if not long:
        return []
    word = _WORD if has_ideograph(text) else _LATIN_WORD
    spans = [match.span() for match in word.finditer(lower_in_place(text))]
    leaks: list[Leak] = []
    for run in long:
        start, end = spans[run.start][0], spans[run.start + run.length - 1][1]
        if _is_prose(text[start:end]):
            leak = Leak(kind="copying", rule="run", start=start, end=end, evidence=text[start:end])
            if leaks and start < leaks[-1]["end"]:  # two runs that meet in the trace and not in the context
                start = leaks[-1]["end"]
                leak = leak | {"start": start, "evidence": text[start:end]}
            leaks.append(leak)
    return leaks


def _is_prose(passage: str) -> bool:
    words = _WORD.findall(_COMMAND.sub(" ", passage))
    spelt = [word for word in words if word < _FIRST_IDEOGRAPH]
    characters = (len(words) - len(spelt)) / 2
    told = sum(len(word) > 1 and word.isalpha() for word in spelt)
    return len(spelt) + characters >= LEAKING_RUN and told + characters >= LEAKING_PROSE
