"""Find what a trace copies word for word from its teacher's context, and not from the question."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from infogap.leaks.copy_limits import LEAKING_PROSE, LEAKING_RUN, NGRAM
from infogap.leaks.scanned_trace import Leak, ScannedTrace
from infogap.text.characters import IDEOGRAPH, half_width, has_ideograph, has_variants, marked_words
from infogap.text.text_batch import TextBatch, lower_in_place

_WORD = re.compile(rf"[{IDEOGRAPH}]|[^\W_{IDEOGRAPH}]+")
_LATIN_WORD = re.compile(r"[^\W_]+")
_FIRST_IDEOGRAPH = "\u3040"
_COMMAND = re.compile(r"\\[a-zA-Z]+")

_RARE = re.compile("[\U00020000-\U0010ffff]")  # characters that `copy_kernels` does not know


@dataclass(frozen=True)
class Copied:
    """Share of copied n-grams (None without n-grams), longest run in words (None without a context), and leaks."""

    share: float | None
    longest: int | None
    leaks: list[Leak]
    hits: int = 0  # n-grams that are copied
    grams: int = 0  # of the text


NOTHING_COPIED = Copied(None, None, [])
_Runs = list[tuple[int, int]]
"""Runs of copied n-grams: first word and length, from left to right."""


def find_copies(trace: ScannedTrace) -> Copied:
    """Find what one trace copies from its context; see `find_all_copies`."""
    return find_all_copies([trace])[0]


def find_all_copies(traces: Sequence[ScannedTrace]) -> list[Copied]:
    """Find what traces copy from their contexts.

    Words are compared without case, punctuation and the symbols of formulas, and in one form of Unicode: accents may be
    apart from their letters. In scripts without spaces every character is a word, but counts half towards a run that
    is a leak. No n-gram of a run of eight words or more is in the question; a shorter run is not in the question
    itself.
    """
    results = [NOTHING_COPIED] * len(traces)
    compared = [
        (index, trace.text, seen, trace.question)
        for index, trace in enumerate(traces)
        if (seen := trace.may_have_seen if trace.context is None else trace.context) is not None
    ]
    sums, runs_of = _compared([texts for _, *texts in compared])
    for (index, text, *_), (hits, grams, longest), runs in zip(compared, sums, runs_of, strict=True):
        results[index] = Copied(hits / grams if grams else None, longest, _leaks(text, runs), hits, grams)
    return results


def _compared(texts: Sequence[Sequence[str]]) -> tuple[list[list[int]], list[_Runs]]:
    """Compare texts with a context and a question each.

    Return for each the copied n-grams, all n-grams and the longest copy in words; and its runs.
    """
    from infogap.leaks.copy_kernels import character_kinds, find_runs, read_words

    if not texts:
        return [], []
    every = [text for three in texts for text in three]
    split = np.array([has_variants(text) or (not text.isascii() and _RARE.search(text) is not None) for text in every])
    batch = TextBatch.of(
        [" ".join(_words(text)) if apart else lower_in_place(text) for text, apart in zip(every, split, strict=True)]
    )
    words, bounds = read_words(batch.content, batch.starts, batch.starts + batch.sizes, split, character_kinds())
    sums, runs = find_runs(words, bounds, NGRAM)
    firsts = np.searchsorted(runs[:, 0], np.arange(len(texts) + 1)).tolist()
    rows: _Runs = [(start, length) for _, start, length in runs.tolist()]
    return sums.tolist(), [rows[first:last] for first, last in pairwise(firsts)]


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


def shared_passages(text: str, context: str, question: str, least: int) -> list[tuple[int, int]]:
    """Return the spans of a text, in characters, that have `least` words or more in a row from a context.

    They are found as `find_copies` finds leaks: no n-gram of them is in the question, and as large a share of the least
    number of words are words and not symbols or numbers.
    """
    _, (runs,) = _compared([(text, context, question)])
    return _passages(text, runs, least)


def _leaks(text: str, runs: _Runs) -> list[Leak]:
    leaks: list[Leak] = []
    for begin, end in _passages(text, runs, LEAKING_RUN):
        # Two runs can meet in the trace and not in the context.
        start = max(begin, leaks[-1]["end"]) if leaks else begin
        leaks.append(Leak(kind="copying", rule="run", start=start, end=end, evidence=text[start:end]))
    return leaks


def _passages(text: str, runs: _Runs, least: int) -> list[tuple[int, int]]:
    """Return the spans of the runs of at least so many words that are prose."""
    long = [(first, length) for first, length in runs if length >= least]
    if not long:
        return []
    spans = _spans(text)
    bounds = [(spans[first][0], spans[first + length - 1][1]) for first, length in long]
    return [(start, end) for start, end in bounds if _is_prose(text[start:end], least)]


def _is_prose(passage: str, least: int) -> bool:
    words = _WORD.findall(_COMMAND.sub(" ", half_width(passage)))
    spelt = [word for word in words if word < _FIRST_IDEOGRAPH or not has_ideograph(word)]  # Korean has spaces
    characters = (len(words) - len(spelt)) / 2
    spelt_out = sum(len(word) > 1 and word.isalpha() for word in spelt)
    return len(spelt) + characters >= least and (spelt_out + characters) * LEAKING_RUN >= LEAKING_PROSE * least
