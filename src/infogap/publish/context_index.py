"""Index the n-grams of the contexts, to find quickly which of many texts share a passage with a context.

Passages have at least `least` words. With n half of `least`, the index stores the n-grams of a context that begin
`least - n + 1` words apart, so every passage of `least` words contains one of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import polars as pl
from numpy.typing import NDArray

from infogap.dedupe.minhash import gram_hashes, utf8
from infogap.text.characters import VARIANTS, half_width

_OCCURRENCES = 32  # stored per n-gram: the words of a template occur in every context
_BATCH_BYTES = 32 * 2**20  # of text hashed at a time
_BITS_PER_GRAM = 16  # in the filter in front of the index; one in sixteen n-grams that are not stored passes it
_NO_WORD = r"[^\p{L}\p{N}]+"

Hashes = NDArray[np.uint64]
Places = NDArray[np.int64]


def words_of(texts: pl.Series) -> tuple[Hashes, Places]:
    """Hash the words of a column of texts (no nulls), ignoring case, punctuation and the symbols of formulas.

    Return the hashes and `ends`; the words of text i are at `[ends[i]:ends[i + 1]]`.
    """
    from infogap.dedupe.hash_kernels import read_words

    ascii_only = texts.len() == 0 or bool((texts.str.len_bytes() == texts.str.len_chars()).all())
    buffer, offsets = utf8(
        texts if ascii_only else _in_one_form(texts).str.replace_all(_NO_WORD, " ").str.to_lowercase()
    )
    # ASCII letters become lower case, other ASCII characters except digits become spaces; the rest is unchanged.
    plain = _plain_bytes()[buffer]
    words, ends = np.empty(int(offsets[-1] - offsets[0]), np.uint64), np.zeros(len(texts) + 1, np.int64)
    read_words(plain, offsets, words, ends)
    return words[: ends[-1]], ends


def _in_one_form(texts: pl.Series) -> pl.Series:
    """Compose letters and accents, as `copying` compares them, in the texts that have them apart."""
    variants = texts.str.contains(VARIANTS)
    if not variants.any():
        return texts
    return texts.scatter(variants.arg_true(), [half_width(text) for text in texts.filter(variants)])


@cache
def _plain_bytes() -> NDArray[np.uint8]:
    table = np.full(256, ord(" "), np.uint8)
    table[128:] = np.arange(128, 256)
    for character in "0123456789abcdefghijklmnopqrstuvwxyz":
        table[ord(character)] = table[ord(character.upper())] = ord(character)
    return table


@dataclass(frozen=True)
class ContextIndex:
    """The words of the contexts, and the stored n-grams with the places where they begin, sorted by n-gram."""

    least: int
    words: Hashes
    ends: Places
    grams: Hashes
    places: Places
    bits: NDArray[np.bool_]

    @classmethod
    def of(cls, contexts: pl.Series, known: pl.Series, least: int) -> ContextIndex:
        """Index the contexts for passages of `least` words, leaving out n-grams that occur in the `known` texts."""
        size = least // 2
        words, ends = words_of(contexts)
        grams, gram_ends = gram_hashes(words, ends, size)
        context = np.repeat(np.arange(len(contexts)), np.diff(gram_ends))
        place = np.arange(len(grams)) - gram_ends[context]
        stored = (place % (least - size + 1) == 0) & (np.diff(ends)[context] >= least)
        stored[stored] = ~np.isin(grams[stored], np.unique(gram_hashes(*words_of(known), size)[0]))
        grams, places = grams[stored], (ends[context] + place)[stored]
        order = np.argsort(grams, kind="stable")
        grams, places = grams[order], places[order]
        rank = np.arange(len(grams)) - np.searchsorted(grams, grams, side="left")
        grams, places = grams[rank < _OCCURRENCES], places[rank < _OCCURRENCES]
        bits = np.zeros(1 << max(10, int(len(grams) * _BITS_PER_GRAM).bit_length()), np.bool_)
        bits[grams & np.uint64(len(bits) - 1)] = True
        return cls(least, words, ends, grams, places, bits)

    def shared(self, texts: pl.Series) -> Iterator[tuple[int, int]]:
        """Yield the row numbers of each text and context that seem to share at least `least` words in a row.

        Only hashes of stored n-grams and words are compared: callers who need certainty must compare the texts.
        """
        if not len(self.grams):
            return
        sizes = texts.str.len_bytes().fill_null(0)
        # In scripts without spaces, a word is one character of three bytes.
        long = sizes.to_frame("size").with_row_index("text").filter(pl.col("size") >= 2 * self.least)
        batches = long.with_columns(batch=pl.col("size").cum_sum() // _BATCH_BYTES)
        for _, batch in batches.group_by("batch", maintain_order=True):
            numbers = batch["text"].to_numpy()
            for text, context in self._pairs(texts.gather(batch["text"])):
                yield int(numbers[text]), context

    def _pairs(self, texts: pl.Series) -> list[tuple[int, int]]:
        size = self.least // 2
        words, ends = words_of(texts)
        grams, gram_ends = gram_hashes(words, ends, size)
        hits = np.flatnonzero(self.bits[grams & np.uint64(len(self.bits) - 1)])
        first, last = (np.searchsorted(self.grams, grams[hits], side=side) for side in ("left", "right"))
        hits, first, counts = hits[last > first], first[last > first], (last - first)[last > first]
        text = np.searchsorted(gram_ends, hits, side="right") - 1
        here = np.repeat(ends[text] + hits - gram_ends[text], counts)
        within = np.arange(len(here)) - np.repeat(np.cumsum(counts) - counts, counts)
        there = self.places[np.repeat(first, counts) + within]
        text = np.repeat(text, counts)
        context = np.searchsorted(self.ends, there, side="right") - 1
        room = np.minimum(ends[text + 1] - here, self.ends[context + 1] - there)
        before = np.minimum(here - ends[text], there - self.ends[context])
        length = self._equal(words, here, there, room, 1) + self._equal(words, here - 1, there - 1, before, -1)
        enough = length >= self.least
        return sorted(set(zip(text[enough].tolist(), context[enough].tolist(), strict=True)))

    def _equal(self, words: Hashes, here: Places, there: Places, room: Places, step: int) -> Places:
        """Count the equal words from each pair of places onwards, up to `room` and `least`."""
        equal = np.zeros(len(here), np.int64)
        going = np.flatnonzero(room > 0)
        while len(going):
            going = going[words[here[going] + step * equal[going]] == self.words[there[going] + step * equal[going]]]
            equal[going] += 1
            going = going[(equal[going] < room[going]) & (equal[going] < self.least)]
        return equal
