"""A corpus of texts with planted near-duplicates whose Jaccard is known, as a Parquet file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

WORDS, NGRAM = 300, 5
_VOCABULARY = 50_000
_AT_ONCE = 5_000
_PLANTED = 0.2  # share of the texts that are a changed copy of another
_MOST_CHANGES = 24


def write_corpus(path: Path, documents: int, seed: int = 1) -> Path:
    """The columns are `text`, and for a planted text `copy_of` (a row before it) and the exact `jaccard` of the two.

    Words are drawn by a Zipf law. A planted text has up to 24 words of another text changed: Jaccard from 0.4 to 1.
    The exact value is that of the sets of 5-grams of words, worked out here with Python's sets. Returns `path`.
    """
    random = np.random.default_rng(seed)
    letters = random.integers(97, 123, size=(_VOCABULARY, 9), dtype=np.uint8)
    lengths = random.integers(1, 10, size=_VOCABULARY)
    vocabulary = np.array([row[:length].tobytes().decode() for row, length in zip(letters, lengths, strict=True)])
    schema = pa.schema([("text", pa.large_string()), ("copy_of", pa.int64()), ("jaccard", pa.float64())])
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for start in range(0, documents, _AT_ONCE):
            count = min(_AT_ONCE, documents - start)
            writer.write_table(_block(np.random.default_rng([seed, start]), vocabulary, start, count).cast(schema))
    return path


def _block(random: np.random.Generator, vocabulary: np.ndarray, start: int, count: int) -> pa.Table:
    drawn = np.minimum(random.zipf(1.1, size=(count, WORDS)) - 1, _VOCABULARY - 1)
    originals = int(count * (1 - _PLANTED))
    copies: list[int | None] = [None] * count
    similarities: list[float | None] = [None] * count
    for row in range(originals, count):
        source = int(random.integers(originals))
        drawn[row] = drawn[source]
        changed = random.choice(WORDS, size=random.integers(0, _MOST_CHANGES + 1), replace=False)
        drawn[row, changed] = random.integers(_VOCABULARY, size=len(changed))
        copies[row] = start + source
        similarities[row] = _jaccard(drawn[row].tolist(), drawn[source].tolist())
    texts = [" ".join(vocabulary[row]) for row in drawn]
    return pl.DataFrame(
        {"text": texts, "copy_of": copies, "jaccard": similarities},
        schema={"text": pl.String, "copy_of": pl.Int64, "jaccard": pl.Float64},
    ).to_arrow()


def _jaccard(one: list[int], other: list[int]) -> float:
    first, second = (set(zip(*(words[start:] for start in range(NGRAM)), strict=False)) for words in (one, other))
    return len(first & second) / len(first | second)
