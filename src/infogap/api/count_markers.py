"""Count epistemic markers in texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from infogap.errors import InputError

if TYPE_CHECKING:
    from infogap.measure.lexicon import Lexicon

_COUNTS = pl.List(pl.Struct({"marker": pl.String, "count": pl.Int64}))
_SPANS = pl.List(pl.Struct({"start": pl.Int64, "end": pl.Int64, "marker": pl.String, "category": pl.String}))


def count_markers(texts: Iterable[str | None], lexicon: str = "infogap", spans: bool = False) -> pl.DataFrame:
    """Count a lexicon's epistemic markers in texts.

    Args:
        texts: A list, a Series or any other iterable of texts. None counts as a text without words.
        lexicon: `infogap` (words and phrases in prose, English and Chinese), `kim2026` (ten words, as substrings), or
            the path of a lexicon's YAML file.
        spans: Also return the place of each marker.

    Returns:
        A row per text, in order: `words` (a Chinese character counts as one), `epistemic_count`, `epistemic_density`
        (markers per 1,000 words; null for a text without words), `markers` (list of {marker, count}, the most frequent
        first) and, if asked for, `spans` (list of {start, end, marker, category}; `start` and `end`, which is
        exclusive, count characters of the text).

    Raises:
        InputError: There is no such lexicon, its file is wrong, or `texts` is a single text.
    """
    from infogap.measure.lexicon import load
    from infogap.text.text_batch import word_counts

    if isinstance(texts, str):
        raise InputError("`texts` is a single text; pass a list: count_markers([text])")
    loaded = load(lexicon, lambda path: Path(path).expanduser())
    listed = [text or "" for text in texts]
    words, places = word_counts(listed), _marker_places(loaded, listed)
    frame = pl.DataFrame(
        {
            "words": pl.Series(words, dtype=pl.Int64),
            "epistemic_count": pl.Series([len(markers) for markers in places], dtype=pl.Int64),
            "epistemic_density": pl.Series(
                [1000 * len(markers) / count if count else None for markers, count in zip(places, words, strict=True)],
                dtype=pl.Float64,
            ),
            "markers": pl.Series([_counted(markers) for markers in places], dtype=_COUNTS),
        }
    )
    if not spans:
        return frame
    return frame.with_columns(
        spans=pl.Series(
            [
                [
                    {"start": start, "end": end, "marker": marker, "category": loaded.markers[marker]}
                    for start, end, marker in markers
                ]
                for markers in places
            ],
            dtype=_SPANS,
        )
    )


def _marker_places(lexicon: Lexicon, texts: list[str]) -> list[list[tuple[int, int, str]]]:
    """Return the start, end and name of each text's markers, from left to right."""
    from infogap.measure.marker_search import MarkerSearch

    return [by_lexicon[0] for by_lexicon in MarkerSearch([lexicon]).spans(texts)] if texts else []


def _counted(markers: list[tuple[int, int, str]]) -> list[dict[str, str | int]]:
    counts = Counter(marker for _, _, marker in markers)
    ordered = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    return [{"marker": marker, "count": count} for marker, count in ordered]
