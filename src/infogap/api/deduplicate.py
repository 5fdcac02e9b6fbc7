"""Find near-duplicates among texts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from infogap.errors import InputError

if TYPE_CHECKING:
    from infogap.dedupe.text_duplicates import TextSearch

_BATCH = 2_000  # texts


@dataclass(frozen=True)
class Deduplicated:
    """The result of `deduplicate`.

    `kept` holds the positions of the kept texts, ascending, as in `frame[result.kept]`. `removed` has a row per removed
    text: `row` (its position), `duplicate_of` (the position of the kept text that it duplicates), `jaccard` (of their
    sets of word n-grams, exact) and `how` (`exact`: the same words in the same order; or `minhash`).
    """

    threshold: float
    kept: list[int]
    removed: pl.DataFrame
    _search: TextSearch

    def at(self, threshold: float) -> Deduplicated:
        """Return the result at a higher threshold, without comparing the texts again.

        Raises InputError for a threshold below the one at which the texts were compared, or above 1.
        """
        searched = self._search.settings.threshold
        if not searched <= threshold <= 1:
            raise InputError(f"the texts were compared at {searched:g}; choose a threshold from {searched:g} to 1")
        return _result(self._search, threshold)


def deduplicate(texts: Iterable[str | None], threshold: float = 0.8, *, ngram: int = 5) -> Deduplicated:
    """Find the texts that nearly repeat an earlier one: MinHash candidates, confirmed by their exact Jaccard.

    A text is removed only if it is itself similar to a kept one, so a chain of small changes does not remove
    everything. Texts that are None or have no words are kept.

    Args:
        texts: A list, a Series or any other iterable of texts.
        threshold: The lowest Jaccard similarity at which two texts are duplicates, above 0 and at most 1.
        ngram: Words per n-gram.

    Raises:
        InputError: The threshold or the n-gram's length is out of range, or `texts` is a single text.
    """
    from pydantic import ValidationError

    from infogap.dedupe.corpus_batches import Held
    from infogap.dedupe.text_duplicates import search
    from infogap.recipe.dedupe_section import Dedupe
    from infogap.recipe.recipe_errors import messages, spell_path

    if isinstance(texts, str):
        raise InputError("`texts` is a single text; pass a list of texts")
    given = {"threshold": float(threshold), "ngram": ngram, "scope": "all"}
    try:
        settings = Dedupe.model_validate(given)
    except ValidationError as error:
        problems = (f"{spell_path(path)}: {message}" for path, message in messages(error, given))
        raise InputError("; ".join(problems)) from None
    listed = list(texts)
    batches = [Held(listed[start : start + _BATCH]) for start in range(0, len(listed), _BATCH)]
    return _result(search(lambda: batches, settings, lambda _rows: None), settings.threshold)


def _result(search: TextSearch, threshold: float) -> Deduplicated:
    from infogap.dedupe.text_duplicates import removal_table

    removed = removal_table(search.removals(threshold))
    rows = set(removed["row"])
    return Deduplicated(threshold, [row for row in range(search.rows) if row not in rows], removed, search)
