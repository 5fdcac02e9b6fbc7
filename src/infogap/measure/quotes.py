"""Quotations of the question: what the task says is no doubt of who solves it."""

from __future__ import annotations

import re
from functools import lru_cache

from infogap.text.characters import IDEOGRAPH
from infogap.text.trace_text import lower_in_place

LONG = 8  # words in a row that make a quotation without quotation marks; a shorter question counts as a whole
_SHORT = 4  # nothing shorter is a quotation
_REACH = 400  # characters on either side in which a quotation is looked for
_WORD = re.compile(rf"[{IDEOGRAPH}]|[^\W_{IDEOGRAPH}]+")
_MARKS = (("“", "”"), ("「", "」"), ("《", "》"))


def is_quoted(lowered: str, start: int, end: int, question: str) -> bool:
    """Whether a span of a lower-cased text stands in words of the question.

    That is: in a run of at least `LONG` words that the question has in the same order, whatever the punctuation; or
    between quotation marks in one line, where all that they hold is in the question.
    """
    asked = _words(question)
    inside = words(lowered[start:end])
    if inside[0] not in asked.places:
        return False
    return _in_run(lowered, start, end, inside, asked) or _in_marks(lowered, start, end, asked)


def has_word(question: str, word: str) -> bool:
    """Whether a question, in lower case, has a word; no span that begins with another word is quoted from it."""
    return word in _words(question).places


def words(text: str) -> list[str]:
    """The words of lower-cased text without punctuation; each Chinese character is one."""
    return _WORD.findall(text)


class _Words:
    def __init__(self, question: str) -> None:
        self.words = words(lower_in_place(question))
        self.spaced = f" {' '.join(self.words)} "
        self.places: dict[str, list[int]] = {}
        for place, word in enumerate(self.words):
            self.places.setdefault(word, []).append(place)


@lru_cache(maxsize=4096)
def _words(question: str) -> _Words:
    return _Words(question)


def _in_run(lowered: str, start: int, end: int, inside: list[str], asked: _Words) -> bool:
    enough = min(LONG, max(_SHORT, len(asked.words)))
    before = words(lowered[max(0, start - _REACH) : start])[::-1]
    after = words(lowered[end : end + _REACH])
    for place in asked.places[inside[0]]:
        last = place + len(inside)
        if asked.words[place:last] == inside:
            run = _common(before, asked.words[:place][::-1]) + len(inside) + _common(after, asked.words[last:])
            if run >= enough:
                return True
    return False


def _common(left: list[str], right: list[str]) -> int:
    """How many words two lists share from their beginning on."""
    count = 0
    for ours, theirs in zip(left, right, strict=False):
        if ours != theirs:
            break
        count += 1
    return count


def _in_marks(lowered: str, start: int, end: int, asked: _Words) -> bool:
    line_start = max(lowered.rfind("\n", 0, start) + 1, start - _REACH)
    line_end = lowered.find("\n", end, end + _REACH)
    before, after = lowered[line_start:start], lowered[end : line_end if line_end >= 0 else end + _REACH]
    quotations = [
        (before.rfind(opening), after.find(closing))
        for opening, closing in _MARKS
        if before.rfind(opening) > before.rfind(closing)
    ]
    if before.count('"') % 2:
        quotations.append((before.rfind('"'), after.find('"')))
    return any(
        closed >= 0 and f" {' '.join(words(lowered[line_start + opened : end + closed]))} " in asked.spaced
        for opened, closed in quotations
    )
