"""Lexicons, whose markers are found in texts. `lexicon_files.py` reads them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from infogap.measure.lexicon_files import SHIPPED, LexiconFile, read_lexicon
from infogap.measure.marker_search import Markers, MarkerSearch
from infogap.measure.phrase_patterns import Span


@dataclass(frozen=True)
class Lexicon(Markers):
    """A lexicon: its markers, name and digest."""

    name: str
    digest: str  # of everything that decides what counts as a marker

    def spans(self, text: str, question: str = "") -> list[Span]:
        """Return the markers of one text (start, end, marker), from left to right; see `MarkerSearch.spans`."""
        return self.spans_of([text], [question])[0]

    def spans_of(self, texts: list[str], questions: list[str]) -> list[list[Span]]:
        """Return the markers of each of many texts, as `spans` does of one."""
        return [by_lexicon[0] for by_lexicon in self._search.spans(texts, questions)]

    @cached_property
    def _search(self) -> MarkerSearch:
        return MarkerSearch([self])


def load(name_or_path: str, resolve: Callable[[str], Path]) -> Lexicon:
    """Load a lexicon that ships with infogap, by name, or from a YAML file, whose path `resolve` makes absolute.

    Raises InputError if there is none, or if the file is not a lexicon.
    """
    if name_or_path in SHIPPED:
        return _shipped(name_or_path)
    return _lexicon(read_lexicon(name_or_path, resolve))


@cache
def _shipped(name: str) -> Lexicon:
    return _lexicon(read_lexicon(name, Path))


def _lexicon(file: LexiconFile) -> Lexicon:
    spelled = {marker: category for category, texts in file.markers.items() for marker in texts}
    word = file.matching == "word"
    markers = {marker.removeprefix("^") if word else marker: category for marker, category in spelled.items()}
    initial = frozenset(marker[1:] for marker in spelled if word and marker.startswith("^"))
    return Lexicon(file.matching, markers, initial, tuple(file.exclusions), file.name, file.digest)
