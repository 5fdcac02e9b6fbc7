"""What is marked in a trace's text: markers, leaks, copied passages, the final answer, and the gap of each token.

A mark is `[start, end, layer, kind, label]`. Places count UTF-16 code units, as JavaScript's strings do.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Any

from infogap.gap.scored_texts import written
from infogap.leaks.copy_limits import NGRAM
from infogap.leaks.copying import shared_passages
from infogap.measure.lexicon import Lexicon
from infogap.measure.marker_search import MarkerSearch
from infogap.text.text_batch import measured_text
from infogap.text.thoughts import CLOSING, OPENING

Mark = tuple[int, int, str, str, str]
COPIED_WORDS = NGRAM
"""The least number of words in a row that are marked as copied from the context."""


def utf16_places(text: str) -> Callable[[int], int]:
    """Return a function from places in characters of a text to places in UTF-16 code units."""
    if text.isascii():
        return lambda place: place
    astral = [place for place, character in enumerate(text) if character > "\uffff"]
    return lambda place: place + bisect_left(astral, place)


def in_utf16(text: str, marks: Iterable[Mark]) -> list[Mark]:
    """Convert the places of marks from characters to UTF-16 code units."""
    place = utf16_places(text)
    return [(place(start), place(end), layer, kind, label) for start, end, layer, kind, label in marks]


class MarkerMarks:
    """The markers of some lexicons. The kinds of the first one are its categories; those of others name the lexicon."""

    def __init__(self, lexicons: Sequence[Lexicon]) -> None:
        self._lexicons = lexicons
        self._search = MarkerSearch(lexicons)

    @property
    def kinds(self) -> list[dict[str, Any]]:
        """All kinds by `name`, those of the first lexicon first, which is the `main` one."""
        return [
            {"name": self._kind(number, category), "main": number == 0}
            for number, lexicon in enumerate(self._lexicons)
            for category in dict.fromkeys(lexicon.markers.values())
        ]

    def of(self, text: str, question: str) -> Iterator[Mark]:
        """Yield the markers of a text as the table `measures` counts them."""
        by_lexicon = self._search.spans([text], [question])[0] if self._lexicons else []
        for number, (lexicon, spans) in enumerate(zip(self._lexicons, by_lexicon, strict=True)):
            for start, end, marker in spans:
                yield start, end, "marker", self._kind(number, lexicon.markers[marker]), marker

    def _kind(self, number: int, category: str) -> str:
        return f"{self._lexicons[number].name}: {category}" if number else category


def leak_marks(leaks: Iterable[dict[str, Any]]) -> Iterator[Mark]:
    """Yield the leaks of a row of `measures`."""
    for leak in leaks:
        yield leak["start"], leak["end"], "leak", leak["kind"], leak["rule"]


def copied_marks(text: str, context: str | None, question: str) -> Iterator[Mark]:
    """Yield the passages that a text shares with the context and not with the question."""
    for start, end in shared_passages(text, context, question, COPIED_WORDS) if context else ():
        words = len(text[start:end].split())
        yield start, end, "copied", "copied", f"{words} words of the context"


def answer_marks(text: str, answer: str | None, response_start: int) -> Iterator[Mark]:
    """Yield the last place of the response at which the final answer stands as the verifier read it."""
    start = text.rfind(answer, response_start) if answer and answer.strip() else -1
    if answer and start >= 0:
        yield start, start + len(answer), "answer", "final answer", ""


def contamination_marks(text: str, matches: Iterable[dict[str, Any]]) -> Iterator[Mark]:
    """Yield the passages that a text shares with evaluation questions."""
    for match in matches:
        start = text.find(match["matched"]) if match["matched"] else -1
        if start >= 0:
            yield start, start + len(match["matched"]), "contaminated", "evaluation", match["eval_set"]


def token_marks(trace: dict[str, Any], scored: dict[str, Any] | None) -> dict[str, list[Any]] | None:
    """Return the ends of a trace's tokens in its text, and their gaps in nats; None without gaps for this very text.

    The scorer reads the trace with the tags of its thought. A token of the tags alone is left out, one that spans
    their border is cut.
    """
    if scored is None or not scored["gaps"] or scored["tokens"] is None or "".join(scored["tokens"]) != written(trace):
        return None
    text = measured_text(trace["reasoning"], trace["response"])
    places = _places_in_text(trace)
    ends = [places[end] for end in accumulate(map(len, scored["tokens"]))]
    utf16 = utf16_places(text)
    kept: list[int] = []
    gaps: list[float | None] = []
    for end, gap in zip(ends, scored["gaps"], strict=True):
        if end > (kept[-1] if kept else 0):
            kept.append(end)
            gaps.append(None if gap is None else round(gap, 3))
    return {"ends": [utf16(end) for end in kept], "gaps": gaps}


def _places_in_text(trace: dict[str, Any]) -> list[int]:
    """Return, for each place in the trace as written with its tags, the place in its text without them."""
    reasoning, response = trace["reasoning"] or "", trace["response"] or ""
    if not reasoning:
        return list(range(len(response) + 1))
    before, between = len(OPENING) + 1, len(CLOSING) + 3
    places = [0] * before + list(range(len(reasoning) + 1))
    if response:
        places += [len(reasoning)] * (between - 1) + [len(reasoning) + 1 + place for place in range(len(response) + 1)]
    return places
