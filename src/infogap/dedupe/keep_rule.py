"""Which rows stay and which go: in order, each row against those that stay."""

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
    """Rows that are compared, in the order in which the first of two duplicates stays.

    Duplicates are looked for in a `group`. Two rows of one task under different privileges are the experiment itself
    and never duplicates of each other; where there are no tasks, every row has one of its own.
    """

    ids: NDArray[np.int64]
    groups: NDArray[np.int64]
    texts: NDArray[np.int64]
    tasks: NDArray[np.int64]
    privileges: NDArray[np.int64]

    def items(self) -> tuple[Items, NDArray[np.int64]]:
        """The different texts of each group in the rows' order, and which of them each row has."""
        _, first, inverse = np.unique(item_keys(self.groups, self.texts), return_index=True, return_inverse=True)
        order = np.argsort(first)
        places = np.empty_like(order)
        places[order] = np.arange(len(order))
        firsts = first[order]
        return Items(self.groups[firsts], self.texts[firsts]), places[inverse]


@dataclass(frozen=True)
class Removal:
    """Why a row goes: which row stays in its place, and how alike the two are."""

    row: int
    duplicate_of: int
    jaccard: float
    how: How


def removals(rows: Rows, pairs: Pairs) -> Iterator[Removal]:
    """The rows to remove, given the near-duplicate pairs of texts.

    A row goes only for a row that stays and that is alike itself: there is no transitive closure, so a chain of small
    changes does not empty a group.
    """
    found, item_of_row = rows.items()
    items = len(found.texts)
    near, ends = _neighbours(pairs, found)
    shared = np.bincount(item_of_row, minlength=items) > 1
    alike = shared | (np.diff(ends) > 0)
    kept: defaultdict[int, list[int]] = defaultdict(list)
    tasks, privileges, ids = rows.tasks.tolist(), rows.privileges.tolist(), rows.ids.tolist()

    def standing_for(row: int, item: int) -> int | None:
        """The first kept row of an item that may stand for this one."""
        for keeper in kept[item]:
            if tasks[keeper] != tasks[row] or privileges[keeper] == privileges[row]:
                return keeper
        return None

    for row in np.flatnonzero(alike[item_of_row]).tolist():
        item = int(item_of_row[row])
        if (keeper := standing_for(row, item)) is not None:
            yield Removal(ids[row], ids[keeper], 1.0, "exact")
            continue
        for other, jaccard in near[ends[item] : ends[item + 1]]:
            if (keeper := standing_for(row, int(other))) is not None:
                yield Removal(ids[row], ids[keeper], float(jaccard), "minhash")
                break
        else:
            kept[item].append(row)


def _neighbours(pairs: Pairs, items: Items) -> tuple[NDArray[np.void], NDArray[np.int64]]:
    """Of every item those that are alike, first ones first, with the Jaccard; and where each item's begin (and the
    last one's end)."""
    one, other = (items.place_of(pairs.groups, texts) for texts in (pairs.later, pairs.earlier))
    near = np.empty(2 * len(one), [("item", np.int64), ("jaccard", np.float64)])
    near["item"], near["jaccard"] = np.concatenate([other, one]), np.tile(pairs.jaccard, 2)
    ends = np.concatenate([one, other])
    order = np.lexsort((near["item"], ends))
    return near[order], np.searchsorted(ends[order], np.arange(len(items.texts) + 1))
