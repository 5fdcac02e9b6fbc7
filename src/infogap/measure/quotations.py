"""Recognise quotations of the question: what the task says is no doubt of whoever solves it."""

from __future__ import annotations

import re
from functools import lru_cache

from infogap.text.characters import IDEOGRAPH
from infogap.text.trace_text import lower_in_place

LONG = 8  # consecutive words that are a quotation without quotation marks; of a shorter question, all of its words
_SHORT = 4  # fewer words are no quotation
_REACH = 400  # characters on either side that are searched for a quotation
_WORD = re.compile(rf"[{IDEOGRAPH}]|[^\W_{IDEOGRAPH}]+")
_MARKS = (("“", "”"), ("「", "」"), ("《", "》"))


def is_quoted(lowered: str, start: int, end: int, question: str) -> bool:
    """True if a span of a lower-cased text lies in a quotation of the question.

    A quotation is a run of at least `LONG` words that the question has in the same order, whatever the punctuation; or
    text between quotation marks in one line, all of whose words are a passage of the question.
    """
    question_words = _question_words(question)
    inside = words(lowered[start:end])
    if inside[0] not in question_words.positions:
        return False
    return _in_run(lowered, start, end, inside, question_words) or _in_marks(lowered, start, end, question_words)


def has_word(question: str, word: str) -> bool:
    """True if the question, in lower case, has a word: only spans that begin with one of its words can be quoted."""
    return word in _question_words(question).positions


def words(text: str) -> list[str]:
    """Split lower-cased text into words, without punctuation; each Chinese character is a word."""
    return _WORD.findall(text)


class _QuestionWords:
    def __init__(self, question: str) -> None:
        self.words = words(lower_in_place(question))
        self.spaced = f" {' '.join(self.words)} "
        self.positions: dict[str, list[int]] = {}
        for position, word in enumerate(self.words):
            self.positions.setdefault(word, []).append(position)


@lru_cache(maxsize=4096)
def _question_words(question: str) -> _QuestionWords:
    return _QuestionWords(question)


def _in_run(lowered: str, start: int, end: int, inside: list[str], question: _QuestionWords) -> bool:
    enough = min(LONG, max(_SHORT, len(question.words)))
    before = words(lowered[max(0, start - _REACH) : start])[::-1]
    after = words(lowered[end : end + _REACH])
    for first in question.positions[inside[0]]:
        last = first + len(inside)
        if question.words[first:last] == inside:
            run = _common(before, question.words[:first][::-1]) + len(inside) + _common(after, question.words[last:])
            if run >= enough:
                return True
    return False


def _common(left: list[str], right: list[str]) -> int:
    """Count the words that two lists share from their beginnings."""
    count = 0
    for ours, theirs in zip(left, right, strict=False):
        if ours != theirs:
            break
        count += 1
    return count


def _in_marks(lowered: str, start: int, end: int, question: _QuestionWords) -> bool:
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
        closed >= 0 and f" {' '.join(words(lowered[line_start + opened : end + closed]))} " in question.spaced
        for opened, closed in quotations
    )
