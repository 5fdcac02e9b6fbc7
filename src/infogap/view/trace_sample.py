"""Choose the traces of an exported folder, where the run has more than fit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from infogap import ids
from infogap.view.trace_index import TraceIndex

MOST = 2_000
"""Traces in an exported folder."""
_LEAST = 10  # of a privilege and verdict, so that rare ones can be looked at


def sampled(index: TraceIndex, most: int = MOST) -> NDArray[np.int64]:
    """Return the positions of at most `most` traces, in the index's order; all of them if they fit.

    Each combination of privilege and verdict has its share of the traces, and at least 10 (or all) if there is room.
    Tasks come in an order drawn by their ids, the same for all combinations: so most tasks that are there are there
    under every privilege. The same run gives the same sample.
    """
    if index.height <= most:
        return np.arange(index.height)
    privilege, verdict = index.facets["privilege"], index.facets["verdict"]
    strata = privilege.codes.astype(np.int64) * len(verdict.members) + verdict.codes
    _, stratum = np.unique(strata, return_inverse=True)
    quotas = _quotas(np.bincount(stratum), most)
    drawn = np.argsort([ids.digest(("view", task_id)) for task_id in index.tasks["task_id"]])
    rank = np.empty(index.tasks.height + 1, np.int64)
    rank[drawn] = np.arange(index.tasks.height)
    rank[-1] = index.tasks.height  # of a trace whose task is gone
    order = np.lexsort((np.arange(index.height), rank[index.task_numbers], stratum))
    of_stratum = stratum[order]
    first = np.searchsorted(of_stratum, np.arange(len(quotas)))
    place = np.arange(index.height) - first[of_stratum]
    return np.sort(order[place < quotas[of_stratum]])


def _quotas(sizes: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """Divide `most` among strata by their sizes: the least number to each, then by largest remainders."""
    least = np.minimum(sizes, min(_LEAST, most // len(sizes)))
    left = most - int(least.sum())
    exact = left * (sizes - least) / max(1, int((sizes - least).sum()))
    quotas = np.floor(exact).astype(np.int64)
    for place in np.argsort(quotas - exact, kind="stable")[: left - int(quotas.sum())]:
        quotas[place] += 1
    return least + quotas
