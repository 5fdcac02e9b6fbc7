"""Hash texts to digests, words and word n-grams, a column at a time; the loops are compiled in hash_kernels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray


@dataclass(frozen=True)
class Hashed:
    """A digest of each text, equal for texts with the same words (in lower case), and its n-grams' hashes.

    The n-grams of text i are `grams[ends[i]:ends[i + 1]]`, in order and with repetitions. A text without a word has
    none.
    """

    digests: list[bytes]
    grams: NDArray[np.uint64]
    ends: NDArray[np.int64]


def hashed(texts: pl.Series, n: int) -> Hashed:
    """Hash a column of texts without nulls.

    Words are what white space separates, and every character of a script without spaces (Chinese, Japanese, Thai,
    Khmer, Burmese). Punctuation stays with its word: `x+1` and `x-1` are different words. A text of fewer than `n`
    words is one n-gram.
    """
    from infogap.dedupe.hash_kernels import read_digests

    words, ends = word_hashes(texts)
    digests = np.empty((len(texts), 2), np.uint64)
    read_digests(words, ends, digests)
    grams, gram_ends = gram_hashes(words, ends, n)
    return Hashed(digests.view("V16")[:, 0].tolist(), grams, gram_ends)


def word_hashes(texts: pl.Series) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Hash the words of a column of texts without nulls, in lower case; those of text i are `[ends[i]:ends[i + 1]]`.

    Words are cut as `hashed` says.
    """
    from infogap.dedupe.hash_kernels import read_words

    buffer, offsets = _utf8(texts.str.to_lowercase())
    words, ends = np.empty(int(offsets[-1] - offsets[0]), np.uint64), np.zeros(len(texts) + 1, np.int64)
    read_words(buffer, offsets, words, ends)
    return words[: ends[-1]], ends


def gram_hashes(
    words: NDArray[np.uint64], ends: NDArray[np.int64], n: int
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Hash the n-grams of texts given as hashes of words; a text of fewer than `n` words is one n-gram."""
    from infogap.dedupe.hash_kernels import read_grams

    grams, gram_ends = np.empty(len(words), np.uint64), np.zeros(len(ends), np.int64)
    read_grams(words, ends, n, grams, gram_ends)
    return grams[: gram_ends[-1]], gram_ends


def _utf8(texts: pl.Series) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return the bytes of all texts in one buffer, and their bounds in it."""
    import pyarrow as pa

    column = texts.to_arrow().cast(pa.large_string())
    _, offsets, data = column.buffers()
    places = np.frombuffer(offsets, np.int64)[column.offset : column.offset + len(column) + 1]
    return np.frombuffer(data if data is not None else b"", np.uint8), places
