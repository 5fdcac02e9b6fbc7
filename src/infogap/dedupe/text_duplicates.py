"""Find near-duplicates among texts outside of a run: one search also answers for any higher threshold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

from infogap.dedupe.corpus import Batches, Corpus
from infogap.dedupe.keep_rule import Removal, Rows, removals
from infogap.dedupe.minhash import candidates, choose_bands
from infogap.dedupe.similar_pairs import Pairs, similar
from infogap.recipe.dedupe_section import Dedupe


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
