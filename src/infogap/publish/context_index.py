"""Index the n-grams of the contexts, to find quickly which of many texts share a passage with a context.

Passages have at least `least` words. With n half of `least`, the index stores the n-grams of a context that begin
`least - n + 1` words apart, so every passage of `least` words contains one of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray

from infogap.dedupe.minhash import gram_hashes, utf8
from infogap.text.characters import VARIANTS, half_width

_OCCURRENCES = 32  # stored per n-gram: the words of a template occur in every context
_BATCH_BYTES = 2 * 2**20  # of text hashed at a time
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
    plain = np.frombuffer(buffer[offsets[0] : offsets[-1]].tobytes().translate(_plain_bytes()), np.uint8)
    words, ends = np.empty(len(plain), np.uint64), np.zeros(len(texts) + 1, np.int64)
    read_words(plain, offsets - offsets[0], words, ends)
    return words[: ends[-1]], ends


def _in_one_form(texts: pl.Series) -> pl.Series:
    """Compose letters and accents, as `copying` compares them, in the texts that have them apart."""
    variants = texts.str.contains(VARIANTS)
    if not variants.any():
        return texts
    return texts.scatter(variants.arg_true(), [half_width(text) for text in texts.filter(variants)])


@cache
def _plain_bytes() -> bytes:
    table = np.full(256, ord(" "), np.uint8)
    table[128:] = np.arange(128, 256)
    for character in "0123456789abcdefghijklmnopqrstuvwxyz":
        table[ord(character)] = table[ord(character.upper())] = ord(character)
    return table.tobytes()


def _in_batches(texts: pl.Series) -> Iterator[tuple[int, pl.Series]]:
    """Yield the texts in batches of at most some megabytes, or of one text, each with the row of its first."""
    batch = texts.str.len_bytes().cast(pl.Int64).cum_sum() // _BATCH_BYTES
    starts = [*batch.rle().struct.field("len").cum_sum()]
    for start, end in pairwise([0, *starts]):
        yield start, texts[start:end]


@dataclass(frozen=True)
class ContextIndex:
    """The words of the contexts, and the stored n-grams: each once, with the places where it begins."""

    least: int
    words: NDArray[np.uint32]  # the lower half of each hash: enough beside an equal n-gram
    ends: Places
    grams: Hashes  # sorted
    starts: Places  # the places of n-gram i are `places[starts[i]:starts[i + 1]]`
    places: Places
    bits: NDArray[np.bool_]

    @classmethod
    def of(cls, contexts: pl.Series, known: pl.Series, least: int) -> ContextIndex:
        """Index the contexts for passages of `least` words, leaving out n-grams that occur in the `known` texts."""
        size = least // 2
        words, sizes = [np.empty(0, np.uint32)], [np.zeros(1, np.int64)]
        grams, places = [np.empty(0, np.uint64)], [np.empty(0, np.int64)]
        before = 0
        for _, batch in _in_batches(contexts):
            of_batch, ends = words_of(batch)
            every, gram_ends = gram_hashes(of_batch, ends, size)
            context = np.repeat(np.arange(len(batch)), np.diff(gram_ends))
            place = np.arange(len(every)) - gram_ends[context]
            stored = (place % (least - size + 1) == 0) & (np.diff(ends)[context] >= least)
            grams.append(every[stored])
            places.append((before + ends[context] + place)[stored])
            words.append(of_batch.astype(np.uint32))
            sizes.append(np.diff(ends))
            before += len(of_batch)
        all_grams, all_places = np.concatenate(grams), np.concatenate(places)
        order = np.argsort(all_grams, kind="stable")
        all_grams, all_places = all_grams[order], all_places[order]
        kept = ~_known(all_grams, known, size)
        kept[kept] = _rank(all_grams[kept]) < _OCCURRENCES
        distinct, starts = np.unique(all_grams[kept], return_index=True)
        bits = np.zeros(1 << max(10, int(len(distinct) * _BITS_PER_GRAM).bit_length()), np.bool_)
        bits[distinct & np.uint64(len(bits) - 1)] = True
        return cls(
            least,
            np.concatenate(words),
            np.cumsum(np.concatenate(sizes)),
            distinct,
            np.append(starts, np.count_nonzero(kept)),
            all_places[kept],
            bits,
        )

    def shared(self, texts: pl.Series) -> Iterator[tuple[int, int]]:
        """Yield the row numbers of each text and context that seem to share at least `least` words in a row.

        Only hashes of stored n-grams and words are compared: callers who need certainty must compare the texts.
        """
        if not len(self.grams):
            return
        # In scripts without spaces, a word is one character of three bytes.
        long = texts.str.len_bytes().fill_null(0) >= 2 * self.least
        numbers = long.arg_true().to_numpy()
        for start, batch in _in_batches(texts.filter(long)):
            for text, context in self._pairs(batch):
                yield int(numbers[start + text]), context

    def _pairs(self, texts: pl.Series) -> list[tuple[int, int]]:
        size = self.least // 2
        words, ends = words_of(texts)
        grams, gram_ends = gram_hashes(words, ends, size)
        hits = np.flatnonzero(self.bits[grams & np.uint64(len(self.bits) - 1)])
        index = np.minimum(np.searchsorted(self.grams, grams[hits]), len(self.grams) - 1)
        is_stored = self.grams[index] == grams[hits]
        hits, index = hits[is_stored], index[is_stored]
        first, counts = self.starts[index], np.diff(self.starts)[index]
        text = np.searchsorted(gram_ends, hits, side="right") - 1
        here = np.repeat(ends[text] + hits - gram_ends[text], counts)
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
    found = np.zeros(len(grams), np.bool_)
    if len(grams):
        for _, batch in _in_batches(texts):
            own = np.unique(gram_hashes(*words_of(batch), size)[0])
            found |= own[np.minimum(np.searchsorted(own, grams), len(own) - 1)] == grams if len(own) else False
    return found


def _rank(grams: Hashes) -> Places:
    """Number the equal ones among sorted n-grams, from 0."""
    return np.arange(len(grams)) - np.searchsorted(grams, grams, side="left")
