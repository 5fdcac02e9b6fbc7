"""Which traces a list shows, in which order, and how many there are of each value."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from infogap.errors import InputError, nearest
from infogap.view.trace_index import NUMBERS, TraceIndex

SORTS = ("task", "family", "privilege", "teacher", "verdict", "band", *NUMBERS, "leak", "mix", "reason", "tag")
_RANGE = ".."


@dataclass(frozen=True)
class Query:
    """What a person asks for. A facet with several values takes traces with any of them; conditions all hold."""

    choices: dict[str, tuple[str, ...]] = field(default_factory=dict)
    ranges: dict[str, tuple[float, float]] = field(default_factory=dict)  # both ends are included
    task: str | None = None
    search: str = ""
    sort: str = "task"
    descending: bool = False

    @classmethod
    def parse(cls, parameters: Iterable[tuple[str, str]], index: TraceIndex) -> Query:
        """Read the parameters of an address: `privilege=answer&tokens=100..500&search=wait&sort=-density`.

        Raises InputError for a parameter or a value that the run does not have.
        """
        choices: dict[str, list[str]] = {}
        ranges: dict[str, tuple[float, float]] = {}
        others = {"task": "", "search": "", "sort": "task"}
        for name, value in parameters:
            if name in index.facets:
                if value not in index.facets[name].values:
                    raise InputError(f"no trace has the {name} '{value}'{nearest(value, index.facets[name].values)}")
                choices.setdefault(name, []).append(value)
            elif name in NUMBERS:
                ranges[name] = _range(name, value)
            elif name in others:
                others[name] = value
            else:
                known = [*index.facets, *NUMBERS, *others]
                raise InputError(f"traces cannot be filtered by '{name}'{nearest(name, known)}")
        if others["task"] and index.task_number(others["task"]) is None:
            raise InputError(f"there is no task '{others['task']}'")
        sort = others["sort"].removeprefix("-")
        if sort not in SORTS:
            raise InputError(f"traces cannot be sorted by '{sort}'{nearest(sort, SORTS)}; by {', '.join(SORTS)}")
        return cls(
            {name: tuple(values) for name, values in choices.items()},
            ranges,
            others["task"] or None,
            others["search"].strip(),
            sort,
            others["sort"].startswith("-"),
        )


def _range(name: str, text: str) -> tuple[float, float]:
    low, between, high = text.partition(_RANGE)
    try:
        ends = (float(low) if low else -math.inf, float(high) if high else math.inf)
    except ValueError:
        ends = (math.nan, math.nan)
    if not between or any(math.isnan(end) for end in ends):
        raise InputError(
            f"{name} is filtered by a range such as 100{_RANGE}500, 100{_RANGE} or {_RANGE}500, not '{text}'"
        )
    return ends


@dataclass(frozen=True)
class Matches:
    """The traces that fit a query: their positions in the index, in the order asked for, and counts of each facet.

    The counts of a facet are over the traces that fit the other conditions, so that they say what its other values
    would show.
    """

    positions: NDArray[np.int64]
    counts: dict[str, list[int]]
    tasks: int

    @property
    def total(self) -> int:
        return len(self.positions)


class QueryEngine:
    """Answers queries over one index."""

    def __init__(self, index: TraceIndex) -> None:
        self._index = index
        self._order = lru_cache(maxsize=8)(self._sorted)

    def matches(self, query: Query, found: NDArray[np.bool_] | None = None) -> Matches:
        """Return the traces that fit a query. `found` says which of them hold the text that is searched for, if any."""
        conditions = self._conditions(query, found)
        fits = _all(list(conditions.values()), self._index.height)
        counts = {}
        for name, facet in self._index.facets.items():
            others = fits
            if name in query.choices:
                others = _all([mask for of, mask in conditions.items() if of != name], self._index.height)
            counts[name] = facet.counts(facet.codes[others])
        order = self._order(query.sort, query.descending)
        tasks = int(np.count_nonzero(np.bincount(self._index.task_numbers[fits]))) if fits.any() else 0
        return Matches(order[fits[order]], counts, tasks)

    def _conditions(self, query: Query, found: NDArray[np.bool_] | None) -> dict[str, NDArray[np.bool_]]:
        index = self._index
        conditions = {}
        for name, values in query.choices.items():
            facet = index.facets[name]
            conditions[name] = facet.having(values)[facet.codes]
        for name, (low, high) in query.ranges.items():
            numbers = index.numbers[name]
            conditions[name] = (numbers >= low) & (numbers <= high)
        if query.task is not None:
            conditions["task"] = index.task_numbers == index.task_number(query.task)
        if found is not None:
            conditions["search"] = found
        return conditions

    def _sorted(self, column: str, descending: bool) -> NDArray[np.int64]:
        """Return all positions in an order; traces without a number come last in both directions."""
        index = self._index
        if column == "task":
            order = np.arange(index.height)
            return order[::-1].copy() if descending else order
        if column in index.numbers:
            numbers = index.numbers[column]
            return np.argsort(-numbers if descending else numbers, kind="stable")
        codes = index.facets[column].codes
        return np.argsort(-codes if descending else codes, kind="stable")


def _all(masks: Sequence[NDArray[np.bool_]], height: int) -> NDArray[np.bool_]:
    if not masks:
        return np.ones(height, np.bool_)
    fits = masks[0].copy()
    for mask in masks[1:]:
        fits &= mask
    return fits
