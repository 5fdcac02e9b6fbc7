"""Measure traces: those that are new by every measure, those measured before by what has changed since."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
import polars as pl

from infogap.measure.epistemic_markers import EpistemicMarkers, FormerLexicons
from infogap.measure.load_measures import Measure, measures_table, named_measures, own_measures
from infogap.measure.trace_frames import with_text, with_texts
from infogap.runs.run_folder import Run
from infogap.schema import MEASURES

Facts = dict[str, Any]


class Work(NamedTuple):
    """A frame of traces, which of them have former rows, and these rows, with the columns of infogap's measures."""

    traces: pl.DataFrame
    found: np.ndarray
    former: pl.DataFrame


def facts(run: Run) -> Facts:
    """Return the settings of which a change leaves most columns as they are: lexicons, cut points, named measures."""
    markers = EpistemicMarkers.for_run(run)
    return {
        "lexicons": [[lexicon.name, lexicon.digest] for lexicon in markers.lexicons],
        "bands": markers.bands.model_dump(mode="json"),
        "measures": [measure.identity for measure in named_measures(run)],
    }


@dataclass(frozen=True)
class Measuring:
    """The measures of a run, and the columns of its table `measures`."""

    own: Sequence[Measure]
    named: Sequence[Measure]
    empty: pl.DataFrame
    lexicons: FormerLexicons | None  # where former rows have others

    @classmethod
    def of(cls, run: Run, former: Facts) -> Self:
        """Return the measures of a run whose former rows were made under other settings, or the same."""
        now, lexicons = facts(run), None
        if former and (former["lexicons"], former["bands"]) != (now["lexicons"], now["bands"]):
            known = [tuple(each) for each in former["lexicons"]]
            lexicons = FormerLexicons.of(EpistemicMarkers.for_run(run), known)
        return cls(own_measures(run), named_measures(run), measures_table(run).empty(), lexicons)

    def is_done(self, work: Work) -> bool:
        """Return True if all rows are known, and as they have to be."""
        return bool(work.found.all()) and not self.named and self.lexicons is None

    def rows(self, work: Work) -> pl.DataFrame:
        """Return the rows of `measures`, in the traces' order."""
        traces, found, former = work
        if traces.is_empty():
            return self.empty
        if self.is_done(work):
            return former.select(self.empty.columns)
        frame = with_texts(traces) if self.named or not found.all() else with_text(traces)
        rows = self._in_order(frame, found, former)
        rows = pl.concat([rows, *(measure.measure(frame) for measure in self.named)], how="horizontal")
        return rows.select(self.empty.columns)

    def _in_order(self, frame: pl.DataFrame, found: np.ndarray, former: pl.DataFrame) -> pl.DataFrame:
        """Return the columns of infogap's measures."""
        new = frame.filter(~found)
        if found.any() and self.lexicons is not None:
            former = self.lexicons.count(frame.filter(found), former)
        if not new.height:
            return former
        measured = [new.select("trace_id"), *(measure.measure(new) for measure in self.own)]
        rows = pl.concat(measured, how="horizontal").select(MEASURES.schema.names())
        if not found.any():
            return rows
        order = np.argsort(np.concatenate([np.flatnonzero(found), np.flatnonzero(~found)]))
        return pl.concat([former.select(rows.columns), rows])[order]
