"""Count a lexicon's matches per trace: how many, of which markers and categories, and where in the trace."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from infogap.measure.lexicon import Lexicon
from infogap.measure.marker_matches import MarkerMatches
from infogap.schema import LEXICON_COUNTS


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
    import pyarrow as pa

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

    marker_list = _lists(
        np.bincount(of_text, minlength=texts),
        pa.StructArray.from_arrays(
            [pa.array(names).take(pa.array(nonzero)), counts[of_text, nonzero]], ["marker", "count"]
        ),
    )
    category_list = _lists(
        np.full(texts, len(categories)),
        pa.StructArray.from_arrays(
            [pa.array(categories * texts, pa.string()), (counts @ in_category).ravel()], ["category", "count"]
        ),
    )
    entries = {
        "lexicon": pa.array([lexicon.name] * texts, pa.string()),
        "epistemic_count": totals,
        "epistemic_density": pa.array(density, mask=length == 0),
        "markers": marker_list,
        "categories": category_list,
        "reasoning_count": np.bincount(text[start < thought[text]], minlength=texts),
        "first": pa.array(first, mask=totals == 0),
        "quarters": _lists(np.full(texts, 4), pa.array(_table(text, 4 * start // size[text], texts, 4).ravel())),
    }
    return pl.DataFrame(pa.table(entries)).to_struct("entry").cast(LEXICON_COUNTS.inner)


def _table(rows: np.ndarray, columns: np.ndarray, height: int, width: int) -> np.ndarray:
    """Count each pair of row and column, as a matrix."""
    return np.bincount(rows * width + columns, minlength=height * width).reshape(height, width)


def _lists(lengths: np.ndarray, values: object) -> object:
    import pyarrow as pa

    return pa.ListArray.from_arrays(pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int32()), values)
