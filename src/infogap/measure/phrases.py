r"""Phrases of a lexicon as regular expressions, tried only around a place where a part of them is known to stand.

In a phrase a space stands for white space with at most one line break, a hyphen for a hyphen, white space or nothing,
`'` for either apostrophe, `*` for any one word, and `^` at its beginning for the beginning of a clause.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cached_property

from infogap.measure.scripts import IDEOGRAPH, has_ideograph

Span = tuple[int, int, str]
"""Start, end (exclusive) and phrase."""

_GAP = r"(?:(?=\s)[^\S\n]{0,4}\n?[^\S\n]{0,4})"
_WIDEST = {" ": 9, "-": 9, "*": 20}  # characters that these may stand for
_STANDS_FOR = {" ": _GAP, "-": rf"(?:[-‐‑]|{_GAP})?", "'": "['’]", "’": "['’]", "*": r"\w{1,20}"}
_JOINT = "[-'’]"  # a word joined to another is another word: "wait-list", "might've"
_ENDS_CLAUSE = frozenset('\n.!?,;:…—–-*>()[]"“”。！？，；：（）「」')
_SPACE = "".join(filter(str.isspace, map(chr, range(0x3001))))


def pieces(phrase: str) -> list[str]:
    """The parts of a phrase that stand in a text as they are: its words, and runs of Chinese."""
    return re.findall(rf"[{IDEOGRAPH}]+|[^\W_{IDEOGRAPH}]+", phrase)


def by_length(phrase: str) -> tuple[int, str]:
    """Sorts phrases so that the longest comes first."""
    return -len(phrase), phrase


def begins_clause(text: str, start: int) -> bool:
    """Whether nothing of a clause stands before a place: the text begins there, or a line, or punctuation precedes."""
    before = text[max(0, start - 5) : start].rstrip(" \t\u3000")
    return before[-1] in _ENDS_CLAUSE if before else start < 5


class Around:
    """Phrases that contain one text, `pivot`, searched for around a place where it stands.

    Phrases with Chinese are `running`: they begin and end anywhere. The others are words, and the texts that they are
    searched in must hold no Chinese: by regular expressions of Python, its characters would be letters of the word.
    """

    def __init__(self, phrases: Iterable[str], pivot: str) -> None:
        places = {phrase: phrase.removeprefix("^").index(pivot) for phrase in sorted(phrases, key=by_length)}
        self.running = any(map(has_ideograph, places))
        self.heads = [phrase for phrase, place in places.items() if place == 0]
        self.inner = [phrase for phrase, place in places.items() if place > 0]
        self._before = max((_width(phrase[: places[phrase] + 1]) for phrase in self.inner), default=0)
        self._after = max((_width(phrase) for phrase in self.inner), default=0) + 2  # what joins words is seen, too
        words_before = {_word_before(phrase, pivot) for phrase in self.inner}
        self.words_before = tuple(words_before - {"*"})
        self.any_before = "*" in words_before
        signs = {letter for phrase in self.inner for letter in phrase if not letter.isalnum() and letter != "*"}
        self._between = "".join({*_SPACE, *"-‐‑'’", *signs})
        self._near = max(map(len, words_before), default=0) + 12

    def find(self, lowered: str, place: int) -> list[Span]:
        """Of every start the longest phrase that stands over `place`."""
        found: list[Span] = []
        if self.heads and (match := self._from_here.match(lowered, place)):
            found.append((place, match.end(), self.heads[(match.lastindex or 1) - 1]))
        if not self.inner:
            return found
        # Most places fail by the word before, which is cheaper to see than to match.
        near = lowered[max(0, place - self._near) : place].rstrip(self._between)
        if not near.endswith(self.words_before) and not (self.any_before and near[-1:].isalnum()):
            return found
        for match in self._overlapping.finditer(lowered, max(0, place - self._before), place + self._after):
            index = match.lastindex or 1
            if match.start() <= place < match.end(index):
                found.append((match.start(), match.end(index), self.inner[index - 1]))
        return found

    @cached_property
    def _from_here(self) -> re.Pattern[str]:
        return re.compile(self._alternatives(self.heads))

    @cached_property
    def _overlapping(self) -> re.Pattern[str]:
        return re.compile(f"(?={self._alternatives(self.inner)})")

    def _alternatives(self, phrases: list[str]) -> str:
        """A regular expression for lower-cased text with a group for each phrase; the first that fits is taken."""
        groups = "|".join(_group(phrase) for phrase in phrases)
        return f"(?:{groups})" if self.running else rf"(?<!\w)(?<!\w{_JOINT})(?:{groups})"


def _word_before(phrase: str, pivot: str) -> str:
    """The word before the pivot in a phrase, `*` for any; empty where it is the pivot's own beginning."""
    before = phrase.removeprefix("^").partition(pivot)[0]
    words: list[str] = re.findall(r"\*|[^\W_]+", before)
    return words[-1] if words else ""


def _group(phrase: str) -> str:
    body = phrase.removeprefix("^")
    after = "" if has_ideograph(body[-1]) or not re.search(r"[\w*]\Z", body) else rf"(?!\w|{_JOINT}\w)"
    inside = "".join(_STANDS_FOR.get(character) or re.escape(character) for character in body)
    return f"({inside}{after})"


def _width(phrase: str) -> int:
    return sum(_WIDEST.get(character, 1) for character in phrase)
