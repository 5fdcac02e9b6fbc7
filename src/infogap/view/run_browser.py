"""What the pages ask of a run: its description, a page of the list, a task, a trace, a duplicate, an annotation.

The server answers these as JSON, and the static export writes them into files.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from infogap.errors import InputError
from infogap.runs.run_folder import Run
from infogap.text.text_batch import measured_text
from infogap.view.annotation_table import annotate, read_annotations
from infogap.view.marked_differences import differences
from infogap.view.stored_rows import Rows, StoredRows
from infogap.view.text_search import TextSearch
from infogap.view.trace_details import TraceDetails
from infogap.view.trace_index import MISSING, NUMBERS, Facet, TraceIndex, read_index
from infogap.view.trace_query import SORTS, Matches, Query, QueryEngine

PAGE = 50
"""Traces on a page of the list."""
_MOST_VALUES = 500  # of a facet that are listed: the most frequent ones; all of them can be filtered by


@dataclass
class RunBrowser:
    """A run as it is on disk now, and the index of its traces."""

    run: Run
    index: TraceIndex
    annotations: pl.DataFrame

    def __post_init__(self) -> None:
        self._engine = QueryEngine(self.index)
        self._search = TextSearch(self.run, self.index)
        self.read_from(StoredRows(self.run))

    @classmethod
    def open(cls, run: Run) -> RunBrowser:
        """Read a run's index. Raises InputError if it has no traces, ExternalError if a file is damaged."""
        return cls(run, read_index(run), read_annotations(run))

    def _listed_values(self, name: str) -> list[int]:
        """Return the numbers of a facet's values that the page lists."""
        facet = self.index.facets[name]
        if len(facet.values) <= _MOST_VALUES:
            return list(range(len(facet.values)))
        return sorted(np.argsort(facet.counts(facet.codes))[-_MOST_VALUES:].tolist())

    def read_from(self, rows: Rows) -> None:
        """Take the rows of traces and tasks from somewhere else."""
        self._rows = rows
        self.details = TraceDetails(self.run, rows)

    def description(self) -> dict[str, Any]:
        """Return what every page needs: name, sizes, the facets with their values, kinds of marks, and notes."""
        return {
            "name": self.run.recipe.name,
            "folder": str(self.run.path),
            "traces": self.index.height,
            "tasks": self.index.tasks.height,
            "facets": [
                {
                    "name": name,
                    "values": [facet.values[number] for number in self._listed_values(name)],
                    "unlisted": max(0, len(facet.values) - _MOST_VALUES),
                }
                for name, facet in self.index.facets.items()
            ],
            "missing": MISSING,
            "numbers": {name: float(np.isfinite(self.index.numbers[name]).mean()) for name in NUMBERS},  # shares known
            "sorts": SORTS,
            "page": PAGE,
            "marker_kinds": self.details.markers.kinds,
            "notes": self.details.notes,
            "writable": True,
        }

    def listed(self, parameters: Iterable[tuple[str, str]], page: int) -> dict[str, Any]:
        """Return a page of the traces that fit, from 1, their number, and the counts of every facet's values.

        Raises InputError for a parameter that is not known.
        """
        matches = self._matches(parameters)
        start = (page - 1) * PAGE
        return {
            "total": matches.total,
            "tasks": matches.tasks,
            "page": page,
            "counts": {
                name: [counts[number] for number in self._listed_values(name)]
                for name, counts in matches.counts.items()
            },
            "rows": self.rows(matches.positions[start : start + PAGE]),
        }

    def neighbours(self, parameters: Iterable[tuple[str, str]], trace_id: str) -> dict[str, Any]:
        """Return the traces before and after one in a list, and its place from 1; nulls if the list lacks it."""
        positions = self._matches(parameters).positions
        place = np.flatnonzero(positions == self._position(trace_id))
        if not len(place):
            return {"before": None, "after": None, "place": None, "total": len(positions)}
        here = int(place[0])

        def at(there: int) -> dict[str, Any] | None:
            if not 0 <= there < len(positions):
                return None
            position = int(positions[there])
            return {"trace_id": self.index.trace_ids[position], "task_id": self._task_id(position)}

        return {"before": at(here - 1), "after": at(here + 1), "place": here + 1, "total": len(positions)}

    def _matches(self, parameters: Iterable[tuple[str, str]]) -> Matches:
        query = Query.parse(parameters, self.index)
        return self._engine.matches(query, self._search.found(query.search) if query.search else None)

    def rows(self, positions: NDArray[np.int64]) -> list[dict[str, Any]]:
        """Return the list's row of each trace."""
        return [self._row(int(position)) for position in positions]

    def _row(self, position: int) -> dict[str, Any]:
        index = self.index
        number = int(index.task_numbers[position])
        known = number < index.tasks.height
        facets = {name: facet.name(int(facet.codes[position])) for name, facet in index.facets.items()}
        numbers = {name: float(index.numbers[name][position]) for name in NUMBERS}
        return {
            "trace_id": index.trace_ids[position],
            "task_id": index.tasks["task_id"][number] if known else None,
            "question": index.tasks["snippet"][number] if known else None,
            "difficulty": index.tasks["difficulty"][number] if known else None,
            "sample": int(index.samples[position]),
            "round": int(index.rounds[position]),
            **facets,
            **{name: None if math.isnan(value) else value for name, value in numbers.items()},
        }

    def task(self, task_id: str) -> dict[str, Any]:
        """Return a task and the list's rows of all its traces. Raises InputError if there is no such task."""
        number = self.index.task_number(task_id)
        if number is None:
            raise InputError(f"there is no task '{task_id}'")
        return {"task": self.details.task(task_id), "traces": self.rows(self.index.of_task(number))}

    def task_of(self, trace_id: str) -> str:
        """Return the task of a trace. Raises InputError if there is no such trace."""
        return self._task_id(self._position(trace_id))

    def trace(self, trace_id: str) -> dict[str, Any]:
        """Return all that is known about a trace. Raises InputError if there is no such trace."""
        return self.trace_at(self._position(trace_id))

    def trace_at(self, position: int) -> dict[str, Any]:
        """Return all that is known about the trace at a position of the index."""
        trace_id = self.index.trace_ids[position]
        own = self.annotations.filter(pl.col("trace_id") == trace_id)
        tag, note = own.row(0)[1:] if own.height else ("", "")
        details = self.details.trace(trace_id, int(self.index.places[position]))
        return details | {"annotation": {"tag": tag, "note": note}}

    def difference(self, trace_id: str) -> dict[str, Any]:
        """Return a removed trace and its kept one in pieces, those that differ marked.

        Raises InputError if the trace was not removed as a duplicate.
        """
        duplicate = self.trace(trace_id)["duplicate"]
        if duplicate is None:
            raise InputError(f"trace {trace_id} was not removed as a duplicate")
        texts = [self._text(each) for each in (duplicate["duplicate_of"], trace_id)]
        pieces = differences(*texts)
        kept, removed = pieces if pieces is not None else ([], [])
        return {**duplicate, "kept": kept, "removed": removed, "compared": pieces is not None}

    def _text(self, trace_id: str) -> str:
        trace = self._rows.trace(trace_id, int(self.index.places[self._position(trace_id)]))
        return measured_text(trace["reasoning"], trace["response"])

    def annotate(self, trace_id: str, tag: str, note: str) -> dict[str, Any]:
        """Write a person's tag and note on a trace; the list's counts follow.

        Raises InputError if there is no such trace or a text is too long, ExternalError if the disk refuses.
        """
        position = self._position(trace_id)
        self.annotations = annotate(self.run, trace_id, tag, note)
        tags = pl.DataFrame({"trace_id": self.index.trace_ids}).join(
            self.annotations.select("trace_id", "tag"), on="trace_id", how="left", maintain_order="left"
        )
        self.index.facets["tag"] = Facet.of(tags["tag"].replace("", None), MISSING["tag"])
        self._engine = QueryEngine(self.index)
        return self._row(position)

    def _position(self, trace_id: str) -> int:
        position = self.index.position(trace_id)
        if position is None:
            raise InputError(f"there is no trace '{trace_id}'")
        return position

    def _task_id(self, position: int) -> str:
        number = int(self.index.task_numbers[position])
        return str(self.index.tasks["task_id"][number]) if number < self.index.tasks.height else ""
