r"""Compile the phrases of a lexicon to regular expressions, and try them around one of their words.

In a phrase a space matches white space with at most one line break; a hyphen matches a hyphen, white space or nothing;
`'` matches either apostrophe; `*` matches any one word; and a leading `^` requires the beginning of a clause.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from infogap.text.characters import IDEOGRAPH, has_ideograph

Span = tuple[int, int, str]
"""Start, end (exclusive) and phrase."""

_GAP = r"(?:(?=\s)[^\S\n]{0,4}\n?[^\S\n]{0,4})"
_WIDEST = {" ": 9, "-": 9, "*": 20}  # the most characters that these match
_STANDS_FOR = {" ": _GAP, "-": rf"(?:[-‐‑]|{_GAP})?", "'": "['’]", "’": "['’]", "*": r"\w{1,20}"}
_JOINT = "[-'’]"  # joined words are another word: "wait-list", "might've"
_ENDS_CLAUSE = frozenset('\n.!?,;:…—–-*>()[]"“”。！？，；：（）「」')
_BETWEEN = "".join(filter(str.isspace, map(chr, range(0x3001)))) + "-‐‑'’"
_WORD = re.compile(r"[^\W_]+")


def pieces(phrase: str) -> list[str]:
    """Return the parts of a phrase that are matched literally: its words, and runs of Chinese characters."""
    return re.findall(rf"[{IDEOGRAPH}]+|[^\W_{IDEOGRAPH}]+", phrase)


def by_length(phrase: str) -> tuple[int, str]:
    """Sort key: the longest phrase first."""
    return -len(phrase), phrase


def begins_clause(text: str, start: int) -> bool:
    """True if a clause begins at `start`: the text or a line begins there, or punctuation precedes it."""
    before = text[max(0, start - 5) : start].rstrip(" \t\u3000")
    return before[-1] in _ENDS_CLAUSE if before else start < 5


class PivotPhrases:
    """Phrases that contain one text, the `pivot`, and are searched for around its occurrences.

    Phrases with Chinese characters are `running`: they may begin and end anywhere. The others are made of words, and
    are searched in texts without Chinese characters, which Python's regular expressions would take for letters.
    """

    def __init__(self, phrases: Iterable[str], pivot: str) -> None:
        parts = {phrase: phrase.removeprefix("^").partition(pivot) for phrase in sorted(phrases, key=by_length)}
        self.running = any(map(has_ideograph, parts))
        self.heads = [phrase for phrase, (before, _, _) in parts.items() if not before]
        self.inner = [phrase for phrase, (before, _, _) in parts.items() if before]
        # Whether a letter before the pivot, or after it, rules out all of the phrases.
        self.begins_word = not self.running and not any(
            re.search(r"[\w*-]\Z", before) for before, _, _ in parts.values()
        )
        self.ends_word = not self.running and not any(re.match(r"[\w*-]", after) for _, _, after in parts.values())
        self._pivot = len(pivot)
        # What must precede or follow the pivot; None for anything.
        self.words_before = _distinct(_last_word(parts[phrase][0]) for phrase in self.inner)
        self.bare = pivot in self.heads
        self.after_heads = _distinct(_next(parts[phrase][2]) for phrase in self.heads if phrase != pivot)
        self.after_inner = _distinct(_next(parts[phrase][2]) for phrase in self.inner)
        signs = {letter for phrase in self.inner for letter in phrase if not letter.isalnum() and letter != "*"}
        self._between = "".join({*_BETWEEN, *signs})
        self.signs = {sign for phrase in parts for sign in re.findall(r"[^\w \-'’*^]", phrase)}
        self._word_reach = max(map(len, self.words_before or ()), default=0) + 12
        self._before = max((_width(parts[phrase][0]) for phrase in self.inner), default=0)
        self._by_first: dict[str, list[str]] = {}
        for phrase in self.inner:
            self._by_first.setdefault("*" if phrase.startswith("*") else pieces(phrase)[0], []).append(phrase)
        self._by_any = self._by_first.pop("*", [])
        firsts = "|".join(map(re.escape, self._by_first))
        self._first_word = _WORD if self._by_any else re.compile(rf"(?<![^\W_])(?:{firsts})(?![^\W_])")
        self._compiled: dict[str, re.Pattern[str]] = {}

    def find(self, lowered: str, place: int) -> list[Span]:
        """Return, for every start, the longest phrase that covers `place`, an occurrence of the pivot."""
        # The word before or after rules out most occurrences, and is cheaper to check than a pattern.
        end = place + self._pivot
        after = lowered[end : end + 40].lstrip(_BETWEEN)
        spans: list[Span] = []
        if self.heads and (self.bare or self.after_heads is None or after.startswith(self.after_heads)):
            self._match("", self.heads, lowered, place, place, spans)
        if not self.inner or not (self.after_inner is None or after.startswith(self.after_inner)):
            return spans
        preceding = lowered[max(0, place - self._word_reach) : place].rstrip(self._between)
        if not (preceding[-1:].isalnum() if self.words_before is None else preceding.endswith(self.words_before)):
            return spans
        start = max(0, place - self._before)
        if self.running:
            for begin in range(start, place):
                self._match("inner", self.inner, lowered, begin, place, spans)
            return spans
        for word in self._first_word.finditer(lowered, start, place):
            phrases = self._by_first.get(word.group())
            if phrases:
                self._match(word.group(), phrases, lowered, word.start(), place, spans)
            if self._by_any:
                self._match("*", self._by_any, lowered, word.start(), place, spans)
        return spans

    def _match(self, key: str, phrases: list[str], lowered: str, start: int, place: int, spans: list[Span]) -> None:
        if key not in self._compiled:
            joined = "" if self.running else rf"(?<!\w)(?<!\w{_JOINT})"
            self._compiled[key] = re.compile(f"{joined}(?:{'|'.join(map(_expression, phrases))})")
        match = self._compiled[key].match(lowered, start)
        if match and match.end() > place:
            spans.append((start, match.end(), phrases[(match.lastindex or 1) - 1]))


def _expression(phrase: str) -> str:
    """Return a phrase as a regular expression that ends in a group, so that a match tells which phrase it is."""
    body = phrase.removeprefix("^")
    after = "" if has_ideograph(body[-1]) or not re.search(r"[\w*]\Z", body) else rf"(?!\w|{_JOINT}\w)"
    inside = "".join(_STANDS_FOR.get(character) or re.escape(character) for character in body)
    return f"{inside}{after}()"


def _distinct(texts: Iterable[str | None]) -> tuple[str, ...] | None:
    known = list(texts)
    return None if None in known else tuple(dict.fromkeys(text for text in known if text is not None))


def _last_word(before: str) -> str | None:
    words: list[str] = re.findall(r"\*|[^\W_]+", before)
    return None if not words or words[-1] == "*" else words[-1]


def _next(after: str) -> str | None:
    """Return what follows spaces, hyphens and apostrophes: the rest of the word, a word, or a sign."""
    after = after.lstrip(" -'’")
    match = re.match(r"[^\W_]+|[^*]", after)
    return match.group() if match else None


def _width(phrase: str) -> int:
    return sum(_WIDEST.get(character, 1) for character in phrase)
