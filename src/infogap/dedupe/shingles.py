"""Texts as sets of word n-grams (shingles): what two traces are compared by."""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

Shingles = NDArray[np.uint64]

# Scripts that put no spaces between words: each of their characters counts as a word.
_UNSPACED = (
    "\u0e00-\u0eff"  # Thai, Lao
    "\u1000-\u109f\u1780-\u17ff"  # Burmese, Khmer
    "\u3000-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uffef"  # Chinese, Japanese and their punctuation
    "\U00020000-\U0003ffff"
)
_WORD = re.compile(rf"[{_UNSPACED}]|[^\s{_UNSPACED}]+")
_BASE = 0x9E3779B97F4A7C15  # odd, so that multiplying by its powers loses no bit of a word's hash


def normalised(text: str) -> str:
    """The text without what makes no difference: case, and how much white space there is."""
    return " ".join(text.casefold().split())


def words(text: str) -> list[str]:
    """The words of a normalised text: what white space separates, and every Chinese or Japanese character.

    Punctuation stays with its word: `x+1` and `x-1` are different words.
    """
    return _WORD.findall(text)


def shingles(text: str, n: int) -> Shingles:
    """The set of word n-grams of a normalised text, as sorted 64-bit hashes.

    A text of fewer than `n` words is one shingle. The hash of an n-gram is a polynomial, modulo 2**64, in the
    hashes of its words, so two different n-grams of a text are taken for one with a probability below 1e-18.
    """
    hashes = np.fromiter(map(_word_hash, words(text)), dtype=np.uint64)
    n = min(n, len(hashes))
    grams = np.zeros(len(hashes) - n + 1, dtype=np.uint64)
    for start in range(n):
        grams = grams * np.uint64(_BASE) + hashes[start : start + len(grams)]
    return np.unique(grams)


def jaccard(one: Shingles, other: Shingles) -> float:
    """Size of the intersection over size of the union: 0..1."""
    shared = len(np.intersect1d(one, other, assume_unique=True))
    return shared / (len(one) + len(other) - shared)


@lru_cache(maxsize=1 << 17)
def _word_hash(word: str) -> int:
    return int.from_bytes(blake2b(word.encode(), digest_size=8).digest(), "little")
