"""Near-duplicate pairs: candidates whose exact Jaccard reaches the threshold, kept on disk for the next search."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import polars as pl
from numpy.typing import NDArray

from infogap.atomic_files import write_text
from infogap.dedupe.batch_engines import Threads
from infogap.dedupe.corpus import Corpus
from infogap.dedupe.minhash import Bands, Candidates, Items, fewest_agreeing
from infogap.runs.run_folder import write_part

GRAMS_AT_ONCE = 150_000_000  # in memory, 8 bytes each; of more, the texts are read several times
_AT_A_TIME = 1 << 16


@dataclass(frozen=True)
class Pairs:
    """Pairs of texts of a group: their Jaccard, and in which values their signatures agree (a bit each, packed)."""

    groups: NDArray[np.int64]
    later: NDArray[np.int64]
    earlier: NDArray[np.int64]
    jaccard: NDArray[np.float64]
    agreed: NDArray[np.uint8]

    def where(self, chosen: NDArray[np.bool_]) -> Pairs:
        """Some of them."""
        return Pairs(
            self.groups[chosen], self.later[chosen], self.earlier[chosen], self.jaccard[chosen], self.agreed[chosen]
        )

    def reaching(self, threshold: float, bands: Bands, num_perm: int) -> Pairs:
        """Those that a search at this threshold, with these bands, finds: whatever search they come from."""
        near = self.where(self.jaccard >= threshold)
        least = fewest_agreeing(threshold, num_perm)
        found = np.empty(len(near.later), np.bool_)
        for start in range(0, len(found), _AT_A_TIME):
            bits = np.unpackbits(near.agreed[start : start + _AT_A_TIME], axis=1, count=num_perm).astype(np.bool_)
            in_bands = bits[:, : bands.count * bands.rows].reshape(len(bits), bands.count, bands.rows)
            whole: NDArray[np.bool_] = np.all(in_bands, axis=2)
            found[start : start + _AT_A_TIME] = np.any(whole, axis=1) & (bits.sum(axis=1) >= least)
        return near.where(found)


def similar(found: Candidates, items: Items, corpus: Corpus, *, verify: bool) -> Pairs:
    """The candidates with their exact Jaccard; not to `verify` leaves the signatures' estimate in its place."""
    one, other = items.texts[found.later], items.texts[found.earlier]
    agreed = np.empty((len(one), -(-corpus.signatures.shape[1] // 8)), np.uint8)
    estimate = np.empty(len(one))
    for start in range(0, len(one), _AT_A_TIME):
        part = slice(start, start + _AT_A_TIME)
        same = corpus.signatures[one[part]] == corpus.signatures[other[part]]
        agreed[part], estimate[part] = np.packbits(same, axis=1), same.mean(axis=1)
    jaccard = _exact(one, other, corpus) if verify else estimate
    return Pairs(items.groups[found.later], one, other, jaccard, agreed)


def _exact(one: NDArray[np.int64], other: NDArray[np.int64], corpus: Corpus) -> NDArray[np.float64]:
    """The Jaccard of the sets of n-grams of pairs of texts."""
    values = np.full(len(one), np.nan)
    texts = np.flatnonzero(np.bincount(np.concatenate([one, other]), minlength=1))
    for wanted in _together(texts, corpus.sizes[texts]):
        mine = np.flatnonzero(np.isnan(values) & np.isin(one, wanted) & np.isin(other, wanted))
        if len(mine):
            grams, ends = corpus.grams(wanted)
            pairs = np.searchsorted(wanted, one[mine]), np.searchsorted(wanted, other[mine])
            values[mine] = _of_pairs(*pairs, grams, ends)
    return values


def _of_pairs(
    one: NDArray[np.int64], other: NDArray[np.int64], grams: NDArray[np.uint64], ends: NDArray[np.int64]
) -> NDArray[np.float64]:
    """On the cores of this machine, whatever the engine: the n-grams are here."""
    from infogap.dedupe.pair_kernels import jaccards, set_sizes

    sizes, found = np.empty(len(ends) - 1, np.int64), np.empty(len(one))
    set_sizes(grams, ends, sizes)

    def fill(start: int) -> None:
        part = slice(start, start + _AT_A_TIME)
        jaccards(grams, ends, sizes, one[part], other[part], found[part])

    for _ in Threads().map(fill, range(0, len(one), _AT_A_TIME)):
        pass
    return found


def _together(texts: NDArray[np.int64], grams: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Sets of texts that fit in memory, such that every two texts are in one of them together."""
    parts = -(-2 * int(grams.sum()) // GRAMS_AT_ONCE)
    if parts <= 2 or len(texts) <= 2:
        yield texts
        return
    for one, other in combinations(np.array_split(texts, parts), 2):
        yield np.concatenate([one, other])


FOLDER = "cache"
_COLUMNS = ("group", "later", "earlier", "jaccard", "agreed")


@dataclass(frozen=True)
class Found:
    """Which text each row has (-1: none), and the near-duplicate pairs of texts."""

    text_of_row: NDArray[np.int64]
    sizes: NDArray[np.int64]  # n-grams of each text
    pairs: Pairs
    threshold: float
    cut: int  # searches that were given up: what they would have found is not there


def load(folder: Path, key: str, threshold: float) -> Found | None:
    """What was found under this key at this threshold or below; None where there is no such thing."""
    try:
        about = orjson.loads((folder / "found.json").read_bytes())
        if about["key"] != key or about["threshold"] > threshold or (about["cut"] and about["threshold"] != threshold):
            return None
        rows, texts, pairs = (pl.read_parquet(folder / f"{name}.parquet") for name in ("rows", "texts", "pairs"))
    except (OSError, ValueError, KeyError, pl.exceptions.PolarsError):
        return None
    group, later, earlier, jaccard, agreed = (pairs[name].to_numpy() for name in _COLUMNS)
    near = Pairs(group, later, earlier, jaccard, agreed)
    return Found(rows["text"].to_numpy(), texts["ngrams"].to_numpy(), near, about["threshold"], about["cut"])


def store(folder: Path, key: str, found: Found) -> None:
    """Keep what was found in place of what was before. Raises WorldError where the disk refuses."""
    about: dict[str, Any] = {"key": key, "threshold": found.threshold, "cut": found.cut}
    (folder / "found.json").unlink(missing_ok=True)
    near = found.pairs
    write_part(folder / "rows.parquet", pl.DataFrame({"text": found.text_of_row}))
    write_part(folder / "texts.parquet", pl.DataFrame({"ngrams": found.sizes}))
    columns = {"group": near.groups, "later": near.later, "earlier": near.earlier, "jaccard": near.jaccard}
    agreed = pl.Series("agreed", near.agreed, pl.Array(pl.UInt8, near.agreed.shape[1]))
    write_part(folder / "pairs.parquet", pl.DataFrame(columns).with_columns(agreed))
    write_text(folder / "found.json", orjson.dumps(about).decode() + "\n")
