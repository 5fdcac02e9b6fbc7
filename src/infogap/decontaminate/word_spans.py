"""Texts as their words: the hashes that are compared, and where each word stands in its text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray

from infogap.dedupe.ngram_hashes import gram_hashes, word_hashes

# Characters that are a word each, as dedupe's compiled code cuts them: Thai and Lao, Burmese, Khmer, Chinese, Japanese.
_ALONE = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3001-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uffef"
_ALONE += "\U00020000-\U0003ffff"
_WORD = re.compile(rf"[{_ALONE}]|[^\s{_ALONE}]+")


@dataclass(frozen=True)
class Words:
    """The words of many texts, without those in ignored phrases; those of text i are `[ends[i]:ends[i + 1]]`.

    `places` is each word's number in its text, with the ignored ones counted.
    """

    hashes: NDArray[np.uint64]
    places: NDArray[np.int64]
    ends: NDArray[np.int64]

    @classmethod
    def read(cls, texts: pl.Series, ignored: Sequence[NDArray[np.uint64]]) -> Words:
        """The words of a column without nulls. Occurrences of phrases are sought in the whole text, then taken out."""
        hashes, ends = word_hashes(texts)
        text = np.repeat(np.arange(len(texts)), np.diff(ends))
        places = np.arange(len(hashes)) - ends[text]
        gone = np.zeros(len(hashes), np.bool_)
        for phrase in ignored:
            starts = _occurrences(hashes, text, phrase)
            gone[starts[:, np.newaxis] + np.arange(len(phrase))] = True
        if gone.any():
            left = np.bincount(text[~gone], minlength=len(texts))
            hashes, places, ends = hashes[~gone], places[~gone], np.concatenate([[0], np.cumsum(left)])
        return cls(hashes, places, ends)

    def grams(self, n: int) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
        """The hashes of the n-grams and their ends; a text of fewer than `n` words is one n-gram."""
        return gram_hashes(self.hashes, self.ends, n)


def phrases(ignore: list[str]) -> list[NDArray[np.uint64]]:
    """The recipe's phrases as `Words.read` takes them."""
    hashes, ends = word_hashes(pl.Series(ignore, dtype=pl.String))
    return [hashes[start:stop] for start, stop in pairwise(ends.tolist()) if stop > start]


def _occurrences(hashes: NDArray[np.uint64], text: NDArray[np.int64], phrase: NDArray[np.uint64]) -> NDArray[np.int64]:
    """The places at which the phrase begins, and does not run over into the next text."""
    last = len(phrase) - 1
    starts = np.flatnonzero(hashes[: max(len(hashes) - last, 0)] == phrase[0])
    for step in range(1, len(phrase)):
        starts = starts[hashes[starts + step] == phrase[step]]
    within: NDArray[np.bool_] = text[starts] == text[starts + last]
    return starts[within]


def spans(text: str) -> list[tuple[int, int]]:
    """The characters of each of the text's words, in the order in which they are counted."""
    return [match.span() for match in _WORD.finditer(text)]
