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
FOLDER = "cache"
_COLUMNS = ("group", "later", "earlier", "jaccard", "agreed")


@dataclass(frozen=True)
class Pairs:
    """Pairs of texts of one group: their Jaccard, and which signature values agree (packed bits)."""

    groups: NDArray[np.int64]
    later: NDArray[np.int64]
    earlier: NDArray[np.int64]
    jaccard: NDArray[np.float64]
    agreed: NDArray[np.uint8]

    def where(self, chosen: NDArray[np.bool_]) -> Pairs:
        """Return the chosen pairs."""
        return Pairs(
            self.groups[chosen], self.later[chosen], self.earlier[chosen], self.jaccard[chosen], self.agreed[chosen]
        )

    def reaching(self, threshold: float, bands: Bands, num_perm: int) -> Pairs:
        """Return those that a search at this threshold and with these bands finds, out of a wider search."""
        reached = self.where(self.jaccard >= threshold)
        least = fewest_agreeing(threshold, num_perm)
        in_search = np.empty(len(reached.later), np.bool_)
        for start in range(0, len(in_search), _AT_A_TIME):
            bits = np.unpackbits(reached.agreed[start : start + _AT_A_TIME], axis=1, count=num_perm).astype(np.bool_)
            in_bands = bits[:, : bands.count * bands.rows].reshape(len(bits), bands.count, bands.rows)
            whole: NDArray[np.bool_] = np.all(in_bands, axis=2)
            in_search[start : start + _AT_A_TIME] = np.any(whole, axis=1) & (bits.sum(axis=1) >= least)
        return reached.where(in_search)


def similar(pairs: Candidates, items: Items, corpus: Corpus, *, verify: bool) -> Pairs:
    """Return the candidates with their exact Jaccard; without `verify`, with the signatures' estimate.

    The corpus has no signatures afterwards.
    """
    one, other = items.texts[pairs.later], items.texts[pairs.earlier]
    agreed = np.empty((len(one), -(-corpus.signatures.shape[1] // 8)), np.uint8)
    estimate = np.empty(len(one))
    for start in range(0, len(one), _AT_A_TIME):
        part = slice(start, start + _AT_A_TIME)
        same = corpus.signatures[one[part]] == corpus.signatures[other[part]]
        agreed[part], estimate[part] = np.packbits(same, axis=1), same.mean(axis=1)
    corpus.drop_signatures()
    jaccard = _exact(one, other, corpus) if verify else estimate
    return Pairs(items.groups[pairs.later], one, other, jaccard, agreed)


def _exact(one: NDArray[np.int64], other: NDArray[np.int64], corpus: Corpus) -> NDArray[np.float64]:
    """Compute the Jaccard of the n-gram sets of pairs of texts."""
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
    """Compute on this machine's cores, whatever the engine: the n-grams are in this process."""
    from infogap.dedupe.pair_kernels import jaccards, set_sizes

    sizes, jaccard = np.empty(len(ends) - 1, np.int64), np.empty(len(one))
    set_sizes(grams, ends, sizes)

    def fill(start: int) -> None:
        part = slice(start, start + _AT_A_TIME)
        jaccards(grams, ends, sizes, one[part], other[part], jaccard[part])

    for _ in Threads().map(fill, range(0, len(one), _AT_A_TIME)):
        pass
    return jaccard


def _together(texts: NDArray[np.int64], grams: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Yield sets of texts that fit in memory, such that every two texts are together in one of them."""
    parts = -(-2 * int(grams.sum()) // GRAMS_AT_ONCE)
    if parts <= 2 or len(texts) <= 2:
        yield texts
        return
    for one, other in combinations(np.array_split(texts, parts), 2):
        yield np.concatenate([one, other])


@dataclass(frozen=True)
class Search:
    """The result of a search: the text of each row (-1: none), and the near-duplicate pairs of texts."""

    text_of_row: NDArray[np.int64]
    sizes: NDArray[np.int64]  # n-grams of each text
    pairs: Pairs
    threshold: float
    cut: int  # searches that were abandoned, whose pairs may be missing


def load(folder: Path, key: str, threshold: float) -> Search | None:
    """Load the search with this key at this threshold or a lower one; None if there is none."""
    try:
        about = orjson.loads((folder / "found.json").read_bytes())
        if about["key"] != key or about["threshold"] > threshold or (about["cut"] and about["threshold"] != threshold):
            return None
        rows, texts, table = (pl.read_parquet(folder / f"{name}.parquet") for name in ("rows", "texts", "pairs"))
    except (OSError, ValueError, KeyError, pl.exceptions.PolarsError):
        return None
    group, later, earlier, jaccard, agreed = (table[name].to_numpy() for name in _COLUMNS)
    pairs = Pairs(group, later, earlier, jaccard, agreed)
    return Search(rows["text"].to_numpy(), texts["ngrams"].to_numpy(), pairs, about["threshold"], about["cut"])


def store(folder: Path, key: str, search: Search) -> None:
    """Store a search in place of the former one. Raises ExternalError if the disk refuses."""
    about: dict[str, Any] = {"key": key, "threshold": search.threshold, "cut": search.cut}
    (folder / "found.json").unlink(missing_ok=True)
    pairs = search.pairs
    write_part(folder / "rows.parquet", pl.DataFrame({"text": search.text_of_row}))
    write_part(folder / "texts.parquet", pl.DataFrame({"ngrams": search.sizes}))
    columns = {"group": pairs.groups, "later": pairs.later, "earlier": pairs.earlier, "jaccard": pairs.jaccard}
    agreed = pl.Series("agreed", pairs.agreed, pl.Array(pl.UInt8, pairs.agreed.shape[1]))
    write_part(folder / "pairs.parquet", pl.DataFrame(columns).with_columns(agreed))
    write_text(folder / "found.json", orjson.dumps(about).decode() + "\n")
