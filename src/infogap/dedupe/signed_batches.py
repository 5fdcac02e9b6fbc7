"""Sign batches of texts; the signatures of batches that were signed before are kept, and not computed again."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from infogap.dedupe.batch_engines import engine
from infogap.dedupe.corpus_batches import Batch
from infogap.dedupe.minhash import Signatures, hashed, signatures
from infogap.runs.block_cache import BlockCache


@dataclass(frozen=True)
class Signed:
    """The signatures of a batch: which rows have a text with words, and their digests, n-grams and signatures."""

    given: NDArray[np.bool_]
    digests: list[bytes]
    sizes: NDArray[np.int64]
    signatures: Signatures

    @classmethod
    def of(cls, batch: Batch, ngram: int, num_perm: int) -> Self:
        """Read and sign a batch's texts."""
        texts = batch.texts()
        present = texts.is_not_null().to_numpy()
        hashes = hashed(texts.drop_nulls(), ngram)
        sizes = np.diff(hashes.ends)
        worded = sizes > 0
        given = np.zeros(len(texts), np.bool_)
        given[np.flatnonzero(present)[worded]] = True
        digests = [digest for digest, some in zip(hashes.digests, worded.tolist(), strict=True) if some]
        return cls(given, digests, sizes[worded], signatures(hashes, num_perm)[worded])

    def table(self) -> pl.DataFrame:
        """Return a row per row of the batch: `digest`, `ngrams` and `signature`, null without a text with words."""
        signature = pl.Series("signature", self.signatures, pl.Array(pl.UInt32, self.signatures.shape[1]))
        digest = pl.Series("digest", self.digests, pl.Binary)
        worded = pl.DataFrame([pl.Series("row", np.flatnonzero(self.given)), digest, pl.Series("ngrams", self.sizes)])
        rows = pl.DataFrame({"row": np.arange(len(self.given))})
        return rows.join(worded.with_columns(signature), on="row", how="left", maintain_order="left").drop("row")

    @classmethod
    def from_table(cls, table: pl.DataFrame) -> Self:
        """Return the signatures again from their `table`."""
        given = table["digest"].is_not_null()
        worded = table.filter(given)
        signature = worded["signature"]
        assert isinstance(signature.dtype, pl.Array)
        shape = (worded.height, *signature.dtype.shape)
        signed = signature.to_numpy().astype(np.uint32, copy=False).reshape(shape)
        return cls(given.to_numpy(), worded["digest"].to_list(), worded["ngrams"].to_numpy(), signed)


@dataclass(frozen=True)
class KnownSignatures:
    """Signatures by a key of the batch, which changes with its texts and with how they are signed."""

    cache: BlockCache
    key: Callable[[Any], str]


def signed_batches(
    batches: Iterable[Batch], ngram: int, num_perm: int, known: KnownSignatures | None
) -> Iterator[Signed]:
    """Yield the signatures of each batch, in order."""
    if known is None:
        yield from engine().map(Signed.of, batches, ngram, num_perm)
        return
    planned = deque[tuple[str, Signed | None]]()

    def unknown() -> Iterator[Batch]:
        for batch in batches:
            key = known.key(batch)
            kept = known.cache.get(key)
            planned.append((key, None if kept is None else Signed.from_table(kept[0])))
            if kept is None:
                yield batch

    def before_next() -> Iterator[Signed]:
        """Yield what is known up to the next batch that is signed now."""
        while planned and (kept := planned[0][1]) is not None:
            planned.popleft()
            yield kept

    for made in engine().map(Signed.of, unknown(), ngram, num_perm):
        yield from before_next()
        key, _ = planned.popleft()
        known.cache.put(key, made.table())
        yield made
    yield from before_next()
