"""Read a corpus once: which row has which text, and the signature of each distinct text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from infogap.dedupe.batch_engines import engine
from infogap.dedupe.corpus_batches import Batch, SomeRows
from infogap.dedupe.minhash import Signatures, gram_hashes, word_hashes
from infogap.dedupe.signed_batches import KnownSignatures, signed_batches

Batches = Callable[[], Iterable[Batch]]
"""The corpus in batches, the same at every call."""


def _grams(wanted: Batch, ngram: int) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    grams, ends = gram_hashes(*word_hashes(wanted.texts()), ngram)
    return grams.copy(), np.diff(ends)  # a copy, without the room that was reserved for one word a byte


@dataclass(eq=False)
class Corpus:
    """What is kept in memory of the texts; the texts themselves are read again when needed.

    Texts are numbered in the order of their first rows. `text_of_row` is -1 for rows without a text, or whose text has
    no words.
    """

    batches: Batches
    ngram: int
    text_of_row: NDArray[np.int64]
    first_rows: NDArray[np.int64]  # of each text
    sizes: NDArray[np.int64]  # n-grams of each text, repetitions counted
    signatures: Signatures

    @classmethod
    def read(
        cls,
        batches: Batches,
        ngram: int,
        num_perm: int,
        advance: Callable[[int], None],
        known: KnownSignatures | None = None,
    ) -> Corpus:
        """Read and sign all texts, but those whose signatures are known; `advance` gets the number of rows done."""
        numbers: dict[bytes, int] = {}
        of_rows: list[NDArray[np.int64]] = [np.empty(0, np.int64)]
        signed: list[Signatures] = [np.empty((0, num_perm), np.uint32)]
        firsts: list[NDArray[np.int64]] = [np.empty(0, np.int64)]
        sizes: list[NDArray[np.int64]] = [np.empty(0, np.int64)]
        start = 0
        for part in signed_batches(batches(), ngram, num_perm, known):
            before = len(numbers)
            own = np.array([numbers.setdefault(digest, len(numbers)) for digest in part.digests], np.int64)
            # Texts that are new here get consecutive numbers, each where it first occurs.
            new, places = np.unique(own, return_index=True)
            places = places[new >= before]
            rows = np.flatnonzero(part.given)
            of_batch = np.full(len(part.given), -1, np.int64)
            of_batch[rows] = own
            of_rows.append(of_batch)
            firsts.append(start + rows[places])
            sizes.append(part.sizes[places])
            signed.append(part.signatures[places])
            start += len(part.given)
            advance(len(part.given))
        numbered = (np.concatenate(of_rows), np.concatenate(firsts), np.concatenate(sizes))
        return cls(batches, ngram, *numbered, np.concatenate(signed))

    def drop_signatures(self) -> None:
        """Free the signatures, half a kilobyte of each text, before n-grams are read."""
        self.signatures = self.signatures[:0].copy()

    def grams(self, texts: NDArray[np.int64]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
        """Return the n-gram hashes of some texts (ascending numbers), and their bounds with a leading 0."""
        parts = list(engine().map(_grams, self._wanted(self.first_rows[texts]), self.ngram))
        grams = np.concatenate([np.empty(0, np.uint64), *(grams for grams, _ in parts)])
        return grams, np.cumsum(np.concatenate([np.zeros(1, np.int64), *(sizes for _, sizes in parts)]))

    def _wanted(self, rows: NDArray[np.int64]) -> Iterator[Batch]:
        """Yield these rows (ascending), batch by batch."""
        start = 0
        for batch in self.batches():
            low, high = np.searchsorted(rows, [start, start + batch.rows])
            if high > low:
                yield SomeRows(batch, rows[low:high] - start)
            start += batch.rows
