"""Find the near-duplicates among texts, and decide which are kept: one search also answers for any higher threshold."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from infogap.dedupe.corpus import Batches, Corpus
from infogap.dedupe.minhash import Items, candidates, choose_bands, item_keys
from infogap.dedupe.similar_pairs import Pairs, similar
from infogap.recipe.dedupe_section import Dedupe

How = Literal["exact", "minhash"]


@dataclass(frozen=True)
class Rows:
    """The rows to compare; of two duplicates the first is kept.

    Duplicates are sought within a `group`. Two rows of one task under different privileges are the experiment itself,
    so they are never duplicates of each other; without tasks, every row has one of its own.
    """

    ids: NDArray[np.int64]
    groups: NDArray[np.int64]
    texts: NDArray[np.int64]
    tasks: NDArray[np.int64]
    privileges: NDArray[np.int64]

    def items(self) -> tuple[Items, NDArray[np.int64]]:
        """Return the distinct texts of each group in the rows' order, and the index of each row's text."""
        _, first, inverse = np.unique(item_keys(self.groups, self.texts), return_index=True, return_inverse=True)
        order = np.argsort(first)
        places = np.empty_like(order)
        places[order] = np.arange(len(order))
        firsts = first[order]
        return Items(self.groups[firsts], self.texts[firsts]), places[inverse]


@dataclass(frozen=True)
class Removal:
    """A removed row: which row is kept in its place, and how similar the two are."""

    row: int
    duplicate_of: int
    jaccard: float
    how: How


def removals(rows: Rows, pairs: Pairs) -> Iterator[Removal]:
    """Yield the rows to remove, given the near-duplicate pairs of texts.

    A row is removed only if a kept row is similar to it. There is no transitive closure, so a chain of small changes
    does not empty a group.
    """
    distinct, item_of_row = rows.items()
    items = len(distinct.texts)
    neighbours, ends = _neighbours(pairs, distinct)
    shared = np.bincount(item_of_row, minlength=items) > 1
    alike = shared | (np.diff(ends) > 0)
    kept: defaultdict[int, list[int]] = defaultdict(list)
    tasks, privileges, ids = rows.tasks.tolist(), rows.privileges.tolist(), rows.ids.tolist()

    def standing_for(row: int, item: int) -> int | None:
        """Return the first kept row of an item that this row may duplicate."""
        for keeper in kept[item]:
            if tasks[keeper] != tasks[row] or privileges[keeper] == privileges[row]:
                return keeper
        return None

    for row in np.flatnonzero(alike[item_of_row]).tolist():
        item = int(item_of_row[row])
        if (keeper := standing_for(row, item)) is not None:
            yield Removal(ids[row], ids[keeper], 1.0, "exact")
            continue
        for other, jaccard in neighbours[ends[item] : ends[item + 1]]:
            if (keeper := standing_for(row, int(other))) is not None:
                yield Removal(ids[row], ids[keeper], float(jaccard), "minhash")
                break
        else:
            kept[item].append(row)


def _neighbours(pairs: Pairs, items: Items) -> tuple[NDArray[np.void], NDArray[np.int64]]:
    """Return each item's similar items in order, with the Jaccard, and the bounds of each item's list."""
    one, other = (items.place_of(pairs.groups, texts) for texts in (pairs.later, pairs.earlier))
    neighbours = np.empty(2 * len(one), [("item", np.int64), ("jaccard", np.float64)])
    neighbours["item"], neighbours["jaccard"] = np.concatenate([other, one]), np.tile(pairs.jaccard, 2)
    ends = np.concatenate([one, other])
    order = np.lexsort((neighbours["item"], ends))
    return neighbours[order], np.searchsorted(ends[order], np.arange(len(items.texts) + 1))


@dataclass(frozen=True)
class TextSearch:
    """The similar pairs among some rows' texts, as a search at `settings.threshold` finds them."""

    settings: Dedupe
    rows: int
    without_text: int
    cut: int  # searches abandoned in very large buckets
    _candidates: Rows
    _pairs: Pairs

    def removals(self, threshold: float | None = None) -> list[Removal]:
        """Return the rows to remove at the search's threshold or a higher one; rows are numbered from 0."""
        threshold = self.settings.threshold if threshold is None else threshold
        bands = choose_bands(threshold, self.settings.num_perm)
        return list(removals(self._candidates, self._pairs.reaching(threshold, bands, self.settings.num_perm)))

    def components(self) -> NDArray[np.int64]:
        """Return for each row the first row that chains of similar texts lead to, itself if there are none."""
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        distinct, item_of_row = self._candidates.items()
        one, other = (
            distinct.place_of(self._pairs.groups, texts) for texts in (self._pairs.later, self._pairs.earlier)
        )
        edges = coo_array((np.ones(len(one), np.bool_), (one, other)), shape=(len(distinct.texts),) * 2)
        _, label = connected_components(edges, directed=False)
        first = np.arange(self.rows)  # a row without a text is alone
        rows, labels = self._candidates.ids, label[item_of_row]
        firsts = np.full(len(distinct.texts), self.rows)
        np.minimum.at(firsts, labels, rows)
        first[rows] = firsts[labels]
        return first


def search(batches: Batches, settings: Dedupe, advance: Callable[[int], None]) -> TextSearch:
    """Compare all texts with each other; of two duplicates the first is kept, or the longest. See `Corpus.read`."""
    corpus = Corpus.read(batches, settings.ngram, settings.num_perm, advance)
    rows = _in_order(corpus, settings)
    items, _ = rows.items()
    bands = choose_bands(settings.threshold, settings.num_perm)
    candidate_pairs = candidates(items, corpus.signatures, bands, settings.threshold)
    pairs = similar(candidate_pairs, items, corpus, verify=settings.verify)
    without_text = int(np.count_nonzero(corpus.text_of_row < 0))
    return TextSearch(settings, len(corpus.text_of_row), without_text, candidate_pairs.cut, rows, pairs)


def removal_table(removed: list[Removal]) -> pl.DataFrame:
    """Return the removed rows, sorted: `row`, `duplicate_of` (the kept row), `jaccard`, `how` (exact or minhash)."""
    schema = {"row": pl.Int64, "duplicate_of": pl.Int64, "jaccard": pl.Float64, "how": pl.String}
    return pl.DataFrame([vars(removal) for removal in removed], schema=schema).sort("row")


def _in_order(corpus: Corpus, settings: Dedupe) -> Rows:
    given = np.flatnonzero(corpus.text_of_row >= 0)
    if settings.keep == "longest":
        given = given[np.argsort(-corpus.sizes[corpus.text_of_row[given]], kind="stable")]
    none = np.zeros(len(given), np.int64)
    return Rows(given, none, corpus.text_of_row[given], given, none)
