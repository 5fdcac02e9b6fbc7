"""The measure `markers`: epistemic markers by each of the recipe's lexicons, density, band and self-corrections."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Self

import numpy as np
import polars as pl

from infogap.measure.lexicon import Lexicon, load
from infogap.measure.marker_search import MarkerSearch
from infogap.measure.marker_statistics import lexicon_entries
from infogap.recipe.measure_section import Bands
from infogap.runs.run_folder import Run
from infogap.schema import MEASURES

_SELF_CORRECTION = "self_correction"  # the category of the infogap lexicon
_COLUMNS = (
    *("epistemic_count", "epistemic_density", "density_per", "band", "markers", "lexicons"),
    "self_corrections",
)


@dataclass(frozen=True)
class EpistemicMarkers:
    """The recipe's lexicons, of which the first gives density and band, and its cut points."""

    columns: ClassVar = {name: MEASURES.schema[name] for name in _COLUMNS}
    version: ClassVar = 1

    lexicons: list[Lexicon]
    bands: Bands
    own: Lexicon  # infogap's: gives self-corrections, whatever lexicons the recipe names

    @classmethod
    def for_run(cls, run: Run) -> Self:
        measure = run.recipe.measure
        lexicons = [load(name, run.resolve) for name in measure.lexicons]
        shipped = load("infogap", run.resolve)
        own = next((lexicon for lexicon in lexicons if lexicon.digest == shipped.digest), shipped)
        return cls(lexicons, measure.bands, own)

    def measure(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Densities are per 1,000 tokens, or per 1,000 words where the tokens are not known; `density_per` says which.

        A trace without text (its request failed, or the teacher wrote nothing) has no density and no band.
        """
        texts = frame["text"].to_list()
        questions = [question or "" for question in frame["question"]]
        reasoning = [len(thought or "") if text else 0 for thought, text in zip(frame["reasoning"], texts, strict=True)]
        per_tokens = (pl.col("completion_tokens") > 0).fill_null(False)
        has_words = pl.col("words") > 0
        lengths = frame.select(
            length=pl.when(has_words)
            .then(pl.when(per_tokens).then("completion_tokens").otherwise("words"))
            .otherwise(0),
            density_per=pl.when(has_words).then(pl.when(per_tokens).then(pl.lit("tokens")).otherwise(pl.lit("words"))),
        )
        matches = self._search.matches(texts, questions)
        characters = [len(text) for text in texts]
        entries = [
            lexicon_entries(lexicon, of_lexicon, characters, reasoning, lengths["length"].to_list())
            for lexicon, of_lexicon in zip(self.lexicons, matches, strict=False)  # `own` may follow them
        ]
        first = entries[0].struct.unnest().select("epistemic_count", "epistemic_density", "markers")
        own = matches[self._searched.index(self.own)]
        corrects = np.array([category == _SELF_CORRECTION for category in self.own.markers.values()], bool)
        self_corrections = np.bincount(own.text[corrects[own.marker]], minlength=len(texts))
        by_lexicon = pl.DataFrame({str(place): entry for place, entry in enumerate(entries)})
        return first.with_columns(
            lengths["density_per"],
            pl.Series("band", [band_of(density, self.bands) for density in first["epistemic_density"]], pl.String),
            by_lexicon.select(lexicons=pl.concat_list(pl.all())).to_series(),
            pl.Series("self_corrections", self_corrections, pl.Int64),
        )

    @property
    def _searched(self) -> list[Lexicon]:
        return self.lexicons if self.own in self.lexicons else [*self.lexicons, self.own]

    @cached_property
    def _search(self) -> MarkerSearch:
        return MarkerSearch(self._searched)


def band_of(density: float | None, bands: Bands) -> str | None:
    """Return `confident` below `bands.mixed`, `mixed` below `bands.uncertain`, else `uncertain`; None without text."""
    if density is None:
        return None
    if density < bands.mixed:
        return "confident"
    return "mixed" if density < bands.uncertain else "uncertain"
