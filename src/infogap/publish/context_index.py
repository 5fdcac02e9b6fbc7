"""Index the n-grams of the contexts, to find quickly which of many texts share a passage with a context.

Passages have at least `least` words. With n half of `least`, the index stores the n-grams of a context that begin
`least - n + 1` words apart, so every passage of `least` words contains one of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray

from infogap.dedupe.minhash import utf8
from infogap.text.characters import VARIANTS, half_width

_OCCURRENCES = 32  # stored per n-gram: the words of a template occur in every context
_BATCH_BYTES = 2 * 2**20  # of text hashed at a time
_BITS_PER_GRAM = 16  # in the filter in front of the index: of n-grams that are not stored, 2 % or fewer pass it
_CHARACTERS = 0x34000  # no letter or number of Unicode 16 lies beyond
# Characters of scripts without spaces between words count as words: Thai and Lao; Burmese; Khmer; Chinese and Japanese.
_ALONE = (
    *((0x0E00, 0x0F00), (0x1000, 0x10A0), (0x1780, 0x1800), (0x3000, 0x3100), (0x3400, 0x4DC0), (0x4E00, 0xA000)),
    *((0xF900, 0xFB00), (0xFF00, 0xFFF0), (0x20000, _CHARACTERS)),
)

Hashes = NDArray[np.uint64]
Places = NDArray[np.int64]


def words_of(texts: pl.Series) -> tuple[Hashes, Places]:
    """Hash the words of a column of texts (no nulls), ignoring case, punctuation and the symbols of formulas.

    Return the hashes and `ends`; the words of text i are at `[ends[i]:ends[i + 1]]`.
    """
    from infogap.publish.passage_kernels import read_words

    is_ascii = (texts.str.len_bytes() == texts.str.len_chars()).all()
    buffer, offsets = utf8(texts if is_ascii else _in_one_form(texts))
    folded = _ascii() if is_ascii else _folded()
    words = np.empty(int(offsets[-1] - offsets[0]) // 2 + len(texts) + 1, np.uint64)
    ends = np.zeros(len(texts) + 1, np.int64)
    read_words(buffer, offsets, _ascii_hashes(), folded, words, ends)
    return words[: ends[-1]], ends


def _in_one_form(texts: pl.Series) -> pl.Series:
    """Compose letters and accents, as `copying` compares them, in the texts that have them apart."""
    variants = texts.str.contains(VARIANTS)
    if not variants.any():
        return texts
    return texts.scatter(variants.arg_true(), [half_width(text) for text in texts.filter(variants)])


@cache
def _ascii() -> NDArray[np.uint32]:
    """Return what each ASCII character counts as: 0 outside words, else its lower case."""
    return np.array([ord(each.lower()) if each.isalnum() else 0 for each in map(chr, range(128))], np.uint32)


@cache
def _ascii_hashes() -> Hashes:
    from infogap.publish.passage_kernels import hash_characters

    hashes = np.empty(128, np.uint64)
    hash_characters(_ascii(), hashes)
    return hashes


@cache
def _folded() -> NDArray[np.uint32]:
    """Return what each character counts as: 0 outside words, else its lower case, marked if it is a word by itself."""
    from infogap.publish.passage_kernels import ALONE

    points = np.arange(_CHARACTERS, dtype=np.uint32)
    points[0xD800:0xE000] = 0  # surrogates are no characters
    characters = pl.Series([chr(point) for point in points], dtype=pl.String)
    in_words = characters.str.contains(r"[\p{L}\p{N}]").to_numpy()
    lower = characters.str.to_lowercase()
    # The dotted capital I alone has a lower case of two characters, and the capital sigma one of two forms.
    lower = pl.select(pl.when(lower.str.len_chars() == 1).then(lower).otherwise(characters)).to_series()
    folded = np.frombuffer(lower.str.replace_all("ς", "σ").str.join().item().encode("utf-32-le"), np.uint32)
    folded = np.where(in_words, folded, np.uint32(0))
    for first, end in _ALONE:
        folded[first:end] |= np.where(folded[first:end] > 0, ALONE, np.uint32(0))
    return folded


def _in_batches(texts: pl.Series) -> Iterator[tuple[int, pl.Series]]:
    """Yield the texts in batches of at most some megabytes, or of one text, each with the row of its first."""
    batch = texts.str.len_bytes().cast(pl.Int64).cum_sum() // _BATCH_BYTES
    starts = [*batch.rle().struct.field("len").cum_sum()]
    for start, end in pairwise([0, *starts]):
        yield start, texts[start:end]


@dataclass(frozen=True)
class _Grams:
    """Distinct n-grams, sorted, with a filter of bits in front."""

    size: int
    sorted: Hashes
    bits: NDArray[np.uint8]

    @classmethod
    def of(cls, grams: Hashes, size: int) -> _Grams:
        from infogap.publish.passage_kernels import set_bits

        bits = np.zeros(1 << max(10, (len(grams) * _BITS_PER_GRAM // 8).bit_length()), np.uint8)
        set_bits(grams, bits)
        return cls(size, grams, bits)

    def among(self, words: Hashes, ends: Places) -> tuple[Places, Places]:
        """Return where these n-grams are: their places among the words of texts, and their positions here."""
        from infogap.publish.passage_kernels import passing_grams

        passing, places = np.empty(len(words), np.uint64), np.empty(len(words), np.int64)
        count = passing_grams(words, ends, self.size, self.bits, passing, places)
        passing, places = passing[:count], places[:count]
        if not count or not len(self.sorted):
            return places[:0], places[:0]
        index = np.minimum(np.searchsorted(self.sorted, passing), len(self.sorted) - 1)
        equal = self.sorted[index] == passing
        return places[equal], index[equal]


@dataclass(frozen=True)
class ContextIndex:
    """The words of the contexts, and the stored n-grams: each once, with the places where it begins."""

    least: int
    words: NDArray[np.uint32]  # the lower half of each hash: enough beside an equal n-gram
    ends: Places
    grams: _Grams
    starts: Places  # the places of n-gram i are `places[starts[i]:starts[i + 1]]`
    places: Places

    @classmethod
    def of(cls, contexts: Iterable[pl.Series], known: pl.Series, least: int) -> ContextIndex:
        """Index the contexts for passages of `least` words, leaving out n-grams that occur in the `known` texts."""
        from infogap.publish.passage_kernels import read_grams

        size = least // 2
        words, sizes = np.empty(0, np.uint32), [np.zeros(1, np.int64)]
        grams, places = [np.empty(0, np.uint64)], [np.empty(0, np.int64)]
        for _, batch in (each for texts in contexts for each in _in_batches(texts)):
            of_batch, ends = words_of(batch)
            stored, at = np.empty(len(of_batch), np.uint64), np.empty(len(of_batch), np.int64)
            count = read_grams(of_batch, ends, size, least - size + 1, least, stored, at)
            grams.append(stored[:count].copy())
            places.append(len(words) + at[:count])
            sizes.append(np.diff(ends))
            words.resize(len(words) + len(of_batch), refcheck=False)  # large arrays grow in place
            words[-len(of_batch) :] = of_batch.astype(np.uint32)
        all_grams, all_places = np.concatenate(grams), np.concatenate(places)
        order = np.argsort(all_grams, kind="stable")
        all_grams, all_places = all_grams[order], all_places[order]
        kept = ~_known(all_grams, known, size)
        kept[kept] = _rank(all_grams[kept]) < _OCCURRENCES
        distinct, starts = np.unique(all_grams[kept], return_index=True)
        return cls(
            least,
            words,
            np.cumsum(np.concatenate(sizes)),
            _Grams.of(distinct, size),
            np.append(starts, np.count_nonzero(kept)),
            all_places[kept],
        )

    def shared(self, texts: pl.Series) -> Iterator[tuple[int, int]]:
        """Yield the row numbers of each text and context that seem to share at least `least` words in a row.

        Only hashes of stored n-grams and words are compared: callers who need certainty must compare the texts.
        """
        if not len(self.places):
            return
        # In scripts without spaces, a word is one character of three bytes.
        long = texts.str.len_bytes().fill_null(0) >= 2 * self.least
        numbers = long.arg_true().to_numpy()
        for start, batch in _in_batches(texts.filter(long)):
            for text, context in self._pairs(batch):
                yield int(numbers[start + text]), context

    def _pairs(self, texts: pl.Series) -> list[tuple[int, int]]:
        words, ends = words_of(texts)
        hits, index = self.grams.among(words, ends)
        if not len(hits):
            return []
        first, counts = self.starts[index], np.diff(self.starts)[index]
        text = np.searchsorted(ends, hits, side="right") - 1
        here = np.repeat(hits, counts)
        within = np.arange(len(here)) - np.repeat(np.cumsum(counts) - counts, counts)
        there = self.places[np.repeat(first, counts) + within]
        text = np.repeat(text, counts)
        context = np.searchsorted(self.ends, there, side="right") - 1
        room = np.minimum(ends[text + 1] - here, self.ends[context + 1] - there)
        before = np.minimum(here - ends[text], there - self.ends[context])
        short = words.astype(np.uint32)
        length = self._equal(short, here, there, room, 1) + self._equal(short, here - 1, there - 1, before, -1)
        enough = length >= self.least
        return sorted(set(zip(text[enough].tolist(), context[enough].tolist(), strict=True)))

    def _equal(self, words: NDArray[np.uint32], here: Places, there: Places, room: Places, step: int) -> Places:
        """Count the equal words from each pair of places onwards, up to `room` and `least`."""
        equal = np.zeros(len(here), np.int64)
        going = np.flatnonzero(room > 0)
        while len(going):
            going = going[words[here[going] + step * equal[going]] == self.words[there[going] + step * equal[going]]]
            equal[going] += 1
            going = going[(equal[going] < room[going]) & (equal[going] < self.least)]
        return equal


def _known(grams: Hashes, texts: pl.Series, size: int) -> NDArray[np.bool_]:
    """Return which of some sorted n-grams occur in the texts."""
    distinct = _Grams.of(np.unique(grams), size)
    found = np.zeros(len(distinct.sorted), np.bool_)
    for _, batch in _in_batches(texts):
        found[distinct.among(*words_of(batch))[1]] = True
    known: NDArray[np.bool_] = np.isin(grams, distinct.sorted[found])
    return known


def _rank(grams: Hashes) -> Places:
    """Number the equal ones among sorted n-grams, from 0."""
    return np.arange(len(grams)) - np.searchsorted(grams, grams, side="left")
