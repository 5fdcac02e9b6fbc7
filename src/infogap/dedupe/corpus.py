"""A corpus read once: which row has which text, and a signature for each different one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from infogap.dedupe.signatures import Signatures, signatures
from infogap.dedupe.texts import Hashed, hashed, in_threads

Batches = Callable[[], Iterable[pl.Series]]
"""Reads the texts row by row, the same at every call; null where a row has none."""


@dataclass(frozen=True)
class Corpus:
    """What is held of the texts; the texts themselves are read again where they are needed.

    Texts are numbered in the order in which they first come. `text_of_row` is -1 where a row has no text or one
    without a word.
    """

    batches: Batches
    ngram: int
    text_of_row: NDArray[np.int64]
    first_rows: NDArray[np.int64]  # of each text
    sizes: NDArray[np.int64]  # n-grams of each text, repetitions counted
    signatures: Signatures

    @classmethod
    def read(cls, batches: Batches, ngram: int, num_perm: int, advance: Callable[[int], None]) -> Corpus:
        """Read all texts, with `advance` told of how many rows are done."""
        numbers: dict[bytes, int] = {}
        of_rows: list[NDArray[np.int64]] = []
        signed: list[Signatures] = [np.empty((0, num_perm), np.uint32)]
        firsts: list[int] = []
        sizes: list[int] = []
        start = 0

        def work(batch: pl.Series) -> tuple[NDArray[np.bool_], Hashed, Signatures]:
            given = batch.is_not_null()
            found = hashed(batch.drop_nulls(), ngram)
            return given.to_numpy(), found, signatures(found, num_perm)

        for given, found, rows in in_threads(work, batches()):
            of_batch = np.full(len(given), -1, np.int64)
            counts = np.diff(found.ends)
            new: list[int] = []
            for place, row in enumerate(np.flatnonzero(given).tolist()):
                if not counts[place]:
                    continue
                number = numbers.setdefault(found.digests[place], len(numbers))
                if number == len(firsts):
                    firsts.append(start + row)
                    sizes.append(int(counts[place]))
                    new.append(place)
                of_batch[row] = number
            signed.append(rows[new])
            of_rows.append(of_batch)
            start += len(given)
            advance(len(given))
        return cls(
            batches,
            ngram,
            np.concatenate([np.empty(0, np.int64), *of_rows]),
            np.asarray(firsts, np.int64),
            np.asarray(sizes, np.int64),
            np.concatenate(signed),
        )

    def gram_sets(self, texts: NDArray[np.int64]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
        """The sorted set of n-gram hashes of some texts (ascending numbers), and where each ends (a leading 0)."""
        from infogap.dedupe.kernels import sort_unique

        def work(batch: pl.Series) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
            found = hashed(batch, self.ngram)
            ends = np.zeros_like(found.ends)
            sort_unique(found.grams, found.ends, ends)
            return found.grams[: ends[-1]].copy(), np.diff(ends)

        parts = list(in_threads(work, self._wanted(self.first_rows[texts])))
        grams = np.concatenate([np.empty(0, np.uint64), *(grams for grams, _ in parts)])
        return grams, np.cumsum(np.concatenate([np.zeros(1, np.int64), *(sizes for _, sizes in parts)]))

    def _wanted(self, rows: NDArray[np.int64]) -> Iterator[pl.Series]:
        """The texts of some rows (ascending), batch by batch."""
        start = 0
        for batch in self.batches():
            low, high = np.searchsorted(rows, [start, start + len(batch)])
            if high > low:
                yield batch.gather(rows[low:high] - start)
            start += len(batch)
