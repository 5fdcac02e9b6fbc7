r"""Phrases of a lexicon as regular expressions, tried only around a place where a part of them is known to stand.

In a phrase a space stands for white space with at most one line break, a hyphen for a hyphen, white space or nothing,
`'` for either apostrophe, `*` for any one word, and `^` at its beginning for the beginning of a clause.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from infogap.text.characters import IDEOGRAPH, has_ideograph

Span = tuple[int, int, str]
"""Start, end (exclusive) and phrase."""

_GAP = r"(?:(?=\s)[^\S\n]{0,4}\n?[^\S\n]{0,4})"
_WIDEST = {" ": 9, "-": 9, "*": 20}  # characters that these may stand for
_STANDS_FOR = {" ": _GAP, "-": rf"(?:[-‐‑]|{_GAP})?", "'": "['’]", "’": "['’]", "*": r"\w{1,20}"}
_JOINT = "[-'’]"  # a word joined to another is another word: "wait-list", "might've"
_ENDS_CLAUSE = frozenset('\n.!?,;:…—–-*>()[]"“”。！？，；：（）「」')
_BETWEEN = "".join(filter(str.isspace, map(chr, range(0x3001)))) + "-‐‑'’"
_WORD = re.compile(r"[^\W_]+")


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
        parts = {phrase: phrase.removeprefix("^").partition(pivot) for phrase in sorted(phrases, key=by_length)}
        self.running = any(map(has_ideograph, parts))
        self.heads = [phrase for phrase, (before, _, _) in parts.items() if not before]
        self.inner = [phrase for phrase, (before, _, _) in parts.items() if before]
        # A letter before the pivot, or after it, rules all of the phrases out.
        self.begins_word = not self.running and not any(
            re.search(r"[\w*-]\Z", before) for before, _, _ in parts.values()
        )
        self.ends_word = not self.running and not any(re.match(r"[\w*-]", after) for _, _, after in parts.values())
        self._pivot = len(pivot)
        # What must stand before or after the pivot; None where it may be anything.
        self.words_before = _all_of(_last_word(parts[phrase][0]) for phrase in self.inner)
        self.bare = pivot in self.heads
        self.after_heads = _all_of(_next(parts[phrase][2]) for phrase in self.heads if phrase != pivot)
        self.after_inner = _all_of(_next(parts[phrase][2]) for phrase in self.inner)
        signs = {letter for phrase in self.inner for letter in phrase if not letter.isalnum() and letter != "*"}
        self._between = "".join({*_BETWEEN, *signs})
        self.signs = {sign for phrase in parts for sign in re.findall(r"[^\w \-'’*^]", phrase)}
        self._near = max(map(len, self.words_before or ()), default=0) + 12
        self._before = max((_width(parts[phrase][0]) for phrase in self.inner), default=0)
        self._by_first: dict[str, list[str]] = {}
        for phrase in self.inner:
            self._by_first.setdefault("*" if phrase.startswith("*") else pieces(phrase)[0], []).append(phrase)
        self._by_any = self._by_first.pop("*", [])
        firsts = "|".join(map(re.escape, self._by_first))
        self._first_word = _WORD if self._by_any else re.compile(rf"(?<![^\W_])(?:{firsts})(?![^\W_])")
        self._compiled: dict[str, re.Pattern[str]] = {}

    def find(self, lowered: str, place: int) -> list[Span]:
        """Of every start the longest phrase that stands over `place`."""
        # Most places fail by the word before or after, which is cheaper to see than to match.
        end = place + self._pivot
        after = lowered[end : end + 40].lstrip(_BETWEEN)
        found: list[Span] = []
        if self.heads and (self.bare or self.after_heads is None or after.startswith(self.after_heads)):
            self._match("", self.heads, lowered, place, place, found)
        if not self.inner or not (self.after_inner is None or after.startswith(self.after_inner)):
            return found
        near = lowered[max(0, place - self._near) : place].rstrip(self._between)
        if not (near[-1:].isalnum() if self.words_before is None else near.endswith(self.words_before)):
            return found
        start = max(0, place - self._before)
        if self.running:
            for begin in range(start, place):
                self._match("inner", self.inner, lowered, begin, place, found)
            return found
        for word in self._first_word.finditer(lowered, start, place):
            phrases = self._by_first.get(word.group())
            if phrases:
                self._match(word.group(), phrases, lowered, word.start(), place, found)
            if self._by_any:
                self._match("*", self._by_any, lowered, word.start(), place, found)
        return found

    def _match(self, key: str, phrases: list[str], lowered: str, start: int, place: int, found: list[Span]) -> None:
        if key not in self._compiled:
            joined = "" if self.running else rf"(?<!\w)(?<!\w{_JOINT})"
            self._compiled[key] = re.compile(f"{joined}(?:{'|'.join(map(_expression, phrases))})")
        match = self._compiled[key].match(lowered, start)
        if match and match.end() > place:
            found.append((start, match.end(), phrases[(match.lastindex or 1) - 1]))


def _expression(phrase: str) -> str:
    """A phrase as a regular expression, with a group at its end: its beginning is then seen without trying it."""
    body = phrase.removeprefix("^")
    after = "" if has_ideograph(body[-1]) or not re.search(r"[\w*]\Z", body) else rf"(?!\w|{_JOINT}\w)"
    inside = "".join(_STANDS_FOR.get(character) or re.escape(character) for character in body)
    return f"{inside}{after}()"


def _all_of(texts: Iterable[str | None]) -> tuple[str, ...] | None:
    known = list(texts)
    return None if None in known else tuple(dict.fromkeys(text for text in known if text is not None))


def _last_word(before: str) -> str | None:
    words: list[str] = re.findall(r"\*|[^\W_]+", before)
    return None if not words or words[-1] == "*" else words[-1]


def _next(after: str) -> str | None:
    """What comes next after spaces and the like: the rest of the word, a word, or a sign."""
    after = after.lstrip(" -'’")
    match = re.match(r"[^\W_]+|[^*]", after)
    return match.group() if match else None


def _width(phrase: str) -> int:
    return sum(_WIDEST.get(character, 1) for character in phrase)
