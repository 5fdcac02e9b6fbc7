"""Texts as hashes of their word n-grams, many at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray


@dataclass(frozen=True)
class Hashed:
    """Of each text a digest, equal where two texts have the same words (in lower case), and its n-grams' hashes.

    The n-grams of text i are `grams[ends[i]:ends[i + 1]]`, in order and with repetitions. A text without a word has
    none.
    """

    digests: list[bytes]
    grams: NDArray[np.uint64]
    ends: NDArray[np.int64]


def hashed(texts: pl.Series, n: int) -> Hashed:
    """The hashes of a column of texts without nulls.

    Words are what white space separates, and every character of a script without spaces (Chinese, Japanese, Thai,
    Khmer, Burmese). Punctuation stays with its word: `x+1` and `x-1` are different words. A text of fewer than `n`
    words is one n-gram.
    """
    from infogap.dedupe.kernels import read_digests, read_grams, read_words

    buffer, offsets = _utf8(texts.str.to_lowercase())
    count, size = len(texts), int(offsets[-1] - offsets[0])
    words, ends = np.empty(size, np.uint64), np.zeros(count + 1, np.int64)
    read_words(buffer, offsets, words, ends)
    digests = np.empty((count, 2), np.uint64)
    read_digests(words, ends, digests)
    grams, gram_ends = np.empty(ends[-1], np.uint64), np.zeros(count + 1, np.int64)
    read_grams(words, ends, n, grams, gram_ends)
    return Hashed(digests.view("V16")[:, 0].tolist(), grams[: gram_ends[-1]], gram_ends)


def _utf8(texts: pl.Series) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """All texts' bytes, and where each begins (and the last ends)."""
    import pyarrow as pa

    column = texts.to_arrow().cast(pa.large_string())
    _, offsets, data = column.buffers()
    places = np.frombuffer(offsets, np.int64)[column.offset : column.offset + len(column) + 1]
    return np.frombuffer(data if data is not None else b"", np.uint8), places
