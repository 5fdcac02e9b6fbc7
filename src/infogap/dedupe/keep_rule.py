"""Decide which rows are kept and which are removed: compare each row, in order, with the kept ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from infogap.dedupe.minhash import Items, item_keys
from infogap.dedupe.similar_pairs import Pairs

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
