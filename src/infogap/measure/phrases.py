r"""Phrases of a lexicon as regular expressions, tried only around a place where a part of them is known to stand.

In a phrase a space stands for white space with at most one line break, a hyphen for a hyphen, white space or nothing,
`'` for either apostrophe, `*` for any one word, and `^` at its beginning for the beginning of a clause.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cached_property

from infogap.measure.scripts import IDEOGRAPH, LETTER

Span = tuple[int, int, str]
"""Start, end (exclusive) and phrase."""

_GAP = r"(?:(?=\s)[^\S\n]{0,4}\n?[^\S\n]{0,4})"
_WIDEST = {" ": 9, "-": 9, "*": 20}  # characters that these may stand for
_STANDS_FOR = {" ": _GAP, "-": rf"(?:[-‐‑]|{_GAP})?", "'": "['’]", "’": "['’]", "*": rf"{LETTER}{{1,20}}"}
_JOINT = "[-'’]"  # a word joined to another is another word: "wait-list", "might've"
_NOT_JOINED = rf"(?<!{LETTER})(?<!{LETTER}{_JOINT})"
_ENDS_CLAUSE = r"[\n.!?,;:…—–\-*>()\[\]\"“”。！？，；：（）「」]"
_CLAUSE = "|".join([r"\A", *(rf"(?<={_ENDS_CLAUSE}[^\S\n]{{{blanks}}})" for blanks in range(5))])
_BETWEEN = "".join(filter(str.isspace, map(chr, range(0x3001)))) + "-‐‑'’"
_BEGINS_WITH_WORD = re.compile(rf"\^?(?:{LETTER}|\*)")
_ENDS_WITH_WORD = re.compile(rf"(?:{LETTER}|\*)\Z")


def pieces(phrase: str) -> list[str]:
    """The parts of a phrase that stand in a text as they are: its words, and runs of Chinese."""
    return re.findall(rf"[{IDEOGRAPH}]+|[^\W_{IDEOGRAPH}]+", phrase)


def by_length(phrase: str) -> tuple[int, str]:
    """Sorts phrases so that the longest comes first."""
    return -len(phrase), phrase


class Around:
    """Phrases that contain one text, `pivot`, searched for around a place where it stands."""

    def __init__(self, phrases: Iterable[str], pivot: str) -> None:
        places = {phrase: phrase.removeprefix("^").index(pivot) for phrase in phrases}
        self._heads = _ordered(phrase for phrase, place in places.items() if place == 0)
        self._inner = _ordered(phrase for phrase, place in places.items() if place > 0)
        self._before = max((_width(phrase[: places[phrase] + 1]) for phrase in self._inner), default=0)
        self._after = max((_width(phrase) for phrase in self._inner), default=0) + 2  # what joins words is seen, too
        words_before = [pieces(phrase.removeprefix("^")[: places[phrase]])[-1:] for phrase in self._inner]
        self._words_before = tuple({word for words in words_before for word in words})
        self._between = "".join(
            {*_BETWEEN, *(letter for phrase in self._inner for letter in phrase if not letter.isalnum())}
        )
        self._near = max(map(len, self._words_before), default=0) + 12
        self._filtered = bool(self._inner) and all(words_before) and not any("*" in phrase for phrase in self._inner)

    def find(self, lowered: str, place: int) -> list[Span]:
        """Of every start the longest phrase that stands over `place`."""
        found: list[Span] = []
        if self._heads and (match := self._from_here.match(lowered, place)):
            found.append((place, match.end(), self._heads[(match.lastindex or 1) - 1]))
        if not self._inner:
            return found
        if self._filtered:  # most places fail by the word before, which is cheaper to see than to match
            near = lowered[max(0, place - self._near) : place].rstrip(self._between)
            if not near.endswith(self._words_before):
                return found
        for match in self._overlapping.finditer(lowered, max(0, place - self._before), place + self._after):
            index = match.lastindex or 1
            if match.start() <= place < match.end(index):
                found.append((match.start(), match.end(index), self._inner[index - 1]))
        return found

    @cached_property
    def _from_here(self) -> re.Pattern[str]:
        return re.compile(_alternatives(self._heads))

    @cached_property
    def _overlapping(self) -> re.Pattern[str]:
        return re.compile(f"(?={_alternatives(self._inner)})")


def _ordered(phrases: Iterable[str]) -> list[str]:
    return sorted(phrases, key=lambda phrase: (not _BEGINS_WITH_WORD.match(phrase), by_length(phrase)))


def _alternatives(ordered: list[str]) -> str:
    """A regular expression for lower-cased text with a group for each phrase; the first that fits is taken."""
    spaced = [_group(phrase) for phrase in ordered if _BEGINS_WITH_WORD.match(phrase)]
    running = [_group(phrase) for phrase in ordered[len(spaced) :]]
    # What comes before a word is asked once for all of them.
    return "|".join([*([f"{_NOT_JOINED}(?:{'|'.join(spaced)})"] if spaced else []), *running])


def _group(phrase: str) -> str:
    body = phrase.removeprefix("^")
    before = f"(?:{_CLAUSE})" if body != phrase else ""
    after = f"(?!{LETTER}|{_JOINT}{LETTER})" if _ENDS_WITH_WORD.search(body) else ""
    inside = "".join(_STANDS_FOR.get(character) or re.escape(character) for character in body)
    return f"({before}{inside}{after})"


def _width(phrase: str) -> int:
    return sum(_WIDEST.get(character, 1) for character in phrase)
