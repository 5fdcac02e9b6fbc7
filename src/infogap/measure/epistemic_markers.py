"""The measures `markers` and `answer_changes`: expressed uncertainty in traces, and how often they change their answer.

`markers` counts by each of the recipe's lexicons: how many, which, and where in the trace. The first lexicon gives the
density and the band.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import ClassVar, Self

import numpy as np
import polars as pl

from infogap.measure.lexicon import Lexicon, load
from infogap.measure.list_columns import lists_of
from infogap.measure.marker_matches import MarkerMatches
from infogap.measure.marker_search import MarkerSearch
from infogap.measure.turn_pieces import TurnPieces
from infogap.recipe.measure_section import Bands
from infogap.runs.run_folder import Run
from infogap.schema import LEXICON_COUNTS, MEASURES
from infogap.text.stated_answers import every_stated, normalised

_SELF_CORRECTION = "self_correction"  # a category of infogap's lexicon
_COLUMNS = (
    *("epistemic_count", "epistemic_density", "density_per", "band", "markers", "lexicons"),
    "self_corrections",
)


@dataclass(frozen=True)
class EpistemicMarkers:
    """The measure `markers`: the recipe's lexicons, of which the first gives density and band, and its cut points."""

    columns: ClassVar = {name: MEASURES.schema[name] for name in _COLUMNS}
    version: ClassVar = 1

    lexicons: list[Lexicon]
    bands: Bands
    own: Lexicon  # infogap's, for self-corrections, whichever lexicons the recipe names

    @classmethod
    def for_run(cls, run: Run) -> Self:
        measure = run.recipe.measure
        lexicons = [load(name, run.resolve) for name in measure.lexicons]
        shipped = load("infogap", run.resolve)
        own = next((lexicon for lexicon in lexicons if lexicon.digest == shipped.digest), shipped)
        return cls(lexicons, measure.bands, own)

    def measure(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Count markers. Densities are per 1,000 tokens, or words if tokens are unknown; `density_per` says which.

        A trace without text (its request failed, or the teacher wrote nothing) has no density and no band.
        """
        texts, lengths = frame["text"].to_list(), _lengths(frame)
        matches = self._matches(frame)
        own = matches[self._searched.index(self.own)]
        corrects = np.array([category == _SELF_CORRECTION for category in self.own.markers.values()], bool)
        self_corrections = np.bincount(own.text[corrects[own.marker]], minlength=len(texts))
        return self.columns_of(self._entries(frame, matches, lengths)).with_columns(
            lengths["density_per"], pl.Series("self_corrections", self_corrections, pl.Int64)
        )

    def entries(self, frame: pl.DataFrame) -> list[pl.Series]:
        """Return the traces' entries in the column `lexicons`, a series per lexicon."""
        return self._entries(frame, self._matches(frame), _lengths(frame))

    def columns_of(self, entries: list[pl.Series]) -> pl.DataFrame:
        """Return the columns that follow from the traces' entries, a series per lexicon."""
        first = entries[0].struct.unnest().select("epistemic_count", "epistemic_density", "markers")
        by_lexicon = pl.DataFrame({str(place): entry for place, entry in enumerate(entries)})
        return first.with_columns(
            pl.Series("band", [band_of(density, self.bands) for density in first["epistemic_density"]], pl.String),
            by_lexicon.select(lexicons=pl.concat_list(pl.all())).to_series(),
        )

    def _matches(self, frame: pl.DataFrame) -> list[MarkerMatches]:
        pieces = TurnPieces.of(frame)
        return [pieces.in_traces(matches) for matches in self._search.matches(pieces.texts, pieces.seen)]

    def _entries(self, frame: pl.DataFrame, matches: list[MarkerMatches], lengths: pl.DataFrame) -> list[pl.Series]:
        texts = frame["text"].to_list()
        reasoning = [len(thought or "") if text else 0 for thought, text in zip(frame["reasoning"], texts, strict=True)]
        characters = [len(text) for text in texts]
        return [
            lexicon_entries(lexicon, of_lexicon, characters, reasoning, lengths["length"].to_list())
            for lexicon, of_lexicon in zip(self.lexicons, matches, strict=False)  # `own` may follow them
        ]

    @property
    def _searched(self) -> list[Lexicon]:
        return self.lexicons if self.own in self.lexicons else [*self.lexicons, self.own]

    @cached_property
    def _search(self) -> MarkerSearch:
        return MarkerSearch(self._searched)


def _lengths(frame: pl.DataFrame) -> pl.DataFrame:
    """Return `length`, to which densities refer, and `density_per`: tokens, or words if tokens are unknown."""
    per_tokens = (pl.col("completion_tokens") > 0).fill_null(False)
    has_words = pl.col("words") > 0
    return frame.select(
        length=pl.when(has_words).then(pl.when(per_tokens).then("completion_tokens").otherwise("words")).otherwise(0),
        density_per=pl.when(has_words).then(pl.when(per_tokens).then(pl.lit("tokens")).otherwise(pl.lit("words"))),
    )


@dataclass(frozen=True)
class FormerLexicons:
    """Traces that were measured under other lexicons or cut points: only lexicons that are new are counted."""

    markers: EpistemicMarkers
    places: list[int | None]  # of each lexicon among the former ones
    new: EpistemicMarkers | None

    @classmethod
    def of(cls, markers: EpistemicMarkers, former: list[tuple[str, str]]) -> Self:
        """`former` are the names and digests of the lexicons under which the traces were measured."""
        known = {each: place for place, each in enumerate(former)}
        places = [known.get((lexicon.name, lexicon.digest)) for lexicon in markers.lexicons]
        new = [lexicon for lexicon, place in zip(markers.lexicons, places, strict=True) if place is None]
        return cls(markers, places, EpistemicMarkers(new, markers.bands, new[0]) if new else None)

    def count(self, frame: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
        """Return the traces' former rows of `measures` as they are now; `frame` are the traces with their `text`."""
        counted = iter(self.new.entries(frame.with_columns(rows["words"])) if self.new is not None else ())
        entries = [
            next(counted) if place is None else rows["lexicons"].list.get(place).alias("entry") for place in self.places
        ]
        return rows.with_columns(self.markers.columns_of(entries))


def band_of(density: float | None, bands: Bands) -> str | None:
    """Return `confident` below `bands.mixed`, `mixed` below `bands.uncertain`, else `uncertain`; None without text."""
    if density is None:
        return None
    if density < bands.mixed:
        return "confident"
    return "mixed" if density < bands.uncertain else "uncertain"


def lexicon_entries(
    lexicon: Lexicon,
    matches: MarkerMatches,
    characters: Sequence[int],
    reasoning: Sequence[int],
    lengths: Sequence[int],
) -> pl.Series:
    """Return each trace's entry in the column `lexicons`: a series of structs (schema.LEXICON_COUNTS).

    `matches` are the lexicon's matches in the texts, which have `characters` characters each, the first `reasoning` of
    them in the thinking part. Densities are per 1,000 of `lengths` (tokens or words); null where the length is 0.
    """
    texts, names = len(characters), list(lexicon.markers)
    text, start, marker = matches.text, matches.start, matches.marker
    totals = np.bincount(text, minlength=texts)
    size, thought, length = (np.array(values, np.int64) for values in (characters, reasoning, lengths))

    counts = _table(text, marker, texts, len(names))
    of_text, nonzero = np.nonzero(counts)
    categories = list(dict.fromkeys(lexicon.markers.values()))
    in_category = np.array([[lexicon.markers[name] == category for category in categories] for name in names], np.int64)
    firsts = np.cumsum(totals) - totals
    with np.errstate(divide="ignore", invalid="ignore"):
        density = 1000 * totals / length
        first = start[np.minimum(firsts, max(len(start) - 1, 0))] / size if len(start) else np.zeros(texts)

    markers = pl.DataFrame(
        {"marker": pl.Series(names, dtype=pl.String).gather(nonzero), "count": counts[of_text, nonzero]}
    )
    by_category = pl.DataFrame(
        {"category": pl.Series(categories * texts, dtype=pl.String), "count": (counts @ in_category).ravel()}
    )
    columns = {
        "lexicon": pl.Series([lexicon.name] * texts, dtype=pl.String),
        "epistemic_count": totals,
        "epistemic_density": density,
        "markers": lists_of(np.bincount(of_text, minlength=texts), markers.to_struct()),
        "categories": lists_of(np.full(texts, len(categories)), by_category.to_struct()),
        "reasoning_count": np.bincount(text[start < thought[text]], minlength=texts),
        "first": first,
        "quarters": lists_of(np.full(texts, 4), pl.Series(_table(text, 4 * start // size[text], texts, 4).ravel())),
    }
    entries = pl.DataFrame(columns).with_columns(
        epistemic_density=pl.when(pl.lit(pl.Series(length > 0))).then("epistemic_density"),
        first=pl.when(pl.lit(pl.Series(totals > 0))).then("first"),
    )
    return entries.to_struct("entry").cast(LEXICON_COUNTS.inner)


def _table(rows: np.ndarray, columns: np.ndarray, height: int, width: int) -> np.ndarray:
    """Count each pair of row and column, as a matrix."""
    return np.bincount(rows * width + columns, minlength=height * width).reshape(height, width)


class AnswerChanges:
    """The measure `answer_changes`, one column."""

    columns: ClassVar = {"answer_changes": pl.Int64}
    version: ClassVar = 1

    def measure(self, frame: pl.DataFrame) -> pl.DataFrame:
        return pl.DataFrame(
            {"answer_changes": pl.Series([answer_changes(text) for text in frame["text"]], dtype=pl.Int64)}
        )


ANSWER_CHANGES = AnswerChanges()


def answer_changes(text: str) -> int:
    """Count how often a text states an answer that differs from the one before it, spacing and case aside."""
    answers = [normalised(answer) for answer in every_stated(text)]
    return sum(before != after for before, after in pairwise(answers))
