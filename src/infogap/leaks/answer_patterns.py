"""Match an answer however a trace writes it: `5/36`, `\\frac{5}{36}` and `$5 / 36$` are the same."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from infogap.text.stated_answers import MAX_ANSWER, stated, unwrapped

_JOINED = "A-Za-z0-9_"  # an answer next to one of these is another answer; Chinese characters do not count
_NOT_AFTER, _NOT_BEFORE = rf"(?<![{_JOINED}.\\/^])", rf"(?![{_JOINED}]|[.,]\d|\s?[/^]\s?\d)"
_NUMBER = re.compile(rf"{_NOT_AFTER}[0-9]+{_NOT_BEFORE}", re.IGNORECASE)
_LONGEST = 120  # characters: a sentence does not state a longer answer
_TOKEN = re.compile(r"\\[a-zA-Z]+|\d+(?:[.,]\d+)*|[^\W\d_]+|\S")
_FRACTION = re.compile(r"-?(?:\\[dt]?frac\s*\{([^{}]+)\}\s*\{([^{}]+)\}|(\d+)\s*/\s*(\d+))")
_EQUATION = re.compile(r"[A-Za-z]\w?(?:\([a-z]\))?\s*=\s*(?=\S)")
_BALANCED = re.compile(r"[^()\[\]{}]+")
_UNIT = re.compile(r"(-?\d+(?:[.,]\d+)*)\s*(?:\\text\s*\{[^{}]*\}|\\?[A-Za-z°%$][\w/^ .]{0,15})")
_TEXT = re.compile(r"\\(?:text|mathrm|textbf)\s*\{([^{}]*)\}")
_DROPPED = ("\\left", "\\right", "\\,", "\\!", "\\;", "$")
CHOICE = re.compile(r"\(?([A-Za-z])\)?")


@dataclass(frozen=True)
class WholeNumber:
    """A pattern for an answer of digits, as most answers are: nothing is compiled, and `str.find` searches."""

    digits: str

    def search(self, text: str, start: int = 0, end: int = sys.maxsize) -> re.Match[str] | None:
        return next(self.finditer(text, start, end), None)

    def finditer(self, text: str, start: int = 0, end: int = sys.maxsize) -> Iterator[re.Match[str]]:
        place = text.find(self.digits, start, end)
        while place >= 0:
            match = _NUMBER.match(text, place, end)
            if match and match.end() - place == len(self.digits):
                yield match
            place = text.find(self.digits, place + len(self.digits), end)

    def fullmatch(self, text: str) -> re.Match[str] | None:
        return _NUMBER.fullmatch(text) if text == self.digits else None


AnswerPattern = re.Pattern[str] | WholeNumber


@lru_cache(maxsize=4096)
def answer_pattern(answer: str) -> AnswerPattern | None:
    """Return a pattern for an answer however it is written; None if the answer is empty or too long to search for."""
    plain = _plain(answer)
    if not plain or len(plain) > _LONGEST:
        return None
    if plain.isascii() and plain.isdigit():
        return WholeNumber(plain)
    choice = CHOICE.fullmatch(plain)
    if choice:
        return re.compile(rf"(?<![{_JOINED}\\'])(?:\({choice[1]}\)|{choice[1]})(?![{_JOINED}'])")
    forms = [plain]
    if equation := _EQUATION.match(plain):
        forms.append(plain[equation.end() :])
    if unit := _UNIT.fullmatch(forms[-1]):
        forms.append(unit[1])
    written = dict.fromkeys(_listed(form) or _written(form) for form in forms)
    return re.compile(rf"{_NOT_AFTER}(?:{'|'.join(written)}){_NOT_BEFORE}", re.IGNORECASE)


def same_answer(pattern: AnswerPattern, text: str) -> bool:
    """True if a text is the answer of a pattern and nothing else."""
    return pattern.fullmatch(_plain(text)) is not None


def shown_answer(context: str) -> str | None:
    """Return the answer that a context gives: the text after its label, or what its solution states; or None."""
    label, colon, rest = context.partition(":")
    shown = rest.strip() if colon and "\n" not in label.strip() else context.strip()
    if len(shown) <= _LONGEST and "\n" not in shown and "boxed" not in shown and len(shown.split()) <= 8:
        return unwrapped(shown) or None
    return stated(context) if len(context) <= 50 * MAX_ANSWER else None


def _plain(answer: str) -> str:
    answer = unwrapped(answer)
    for dropped in _DROPPED:
        answer = answer.replace(dropped, "")
    return " ".join(_TEXT.sub(r"\1", answer).split())


def _listed(form: str) -> str | None:
    """Return the expression of a list such as "2, 3" or "x = 2 and x = 3"; None if it is no short list."""
    items = [item.strip() for item in re.split(r",\s+|\\text\s*\{\s*and\s*\}|\s+and\s+|\s+or\s+", form) if item.strip()]
    if not 2 <= len(items) <= 6 or any(len(item) > 12 or not _BALANCED.fullmatch(item) for item in items):
        return None
    named = [item[match.end() :] if (match := _EQUATION.match(item)) else item for item in items]
    return r"[\s$]*(?:,|and|or|,\s*and|,\s*or)[\s$]*(?:[a-z]\w?\s*=\s*)?".join(_written(item) for item in named)


def _written(form: str) -> str:
    """Return the expression of one form, in which spaces, fractions and minus signs may be written differently."""
    pieces: list[str] = []
    place = 0
    for fraction in _FRACTION.finditer(form):
        pieces += _tokens(form[place : fraction.start()])
        above, below = fraction[1] or fraction[3], fraction[2] or fraction[4]
        sign = "[-−]" if fraction.group().startswith("-") else ""
        top, bottom = _spaced(_tokens(above)), _spaced(_tokens(below))
        pieces.append(rf"{sign}(?:\\[dt]?frac\s?\{{?{top}\}}?\s?\{{?{bottom}\}}?|{top}\s?/\s?{bottom})")
        place = fraction.end()
    return _spaced(pieces + _tokens(form[place:]))


def _tokens(text: str) -> list[str]:
    return [_token(match.group()) for match in _TOKEN.finditer(text)]


def _token(token: str) -> str:
    if token in ("-", "−"):
        return "[-−]"
    if token[0].isdigit():
        return re.escape(token.replace(",", "")) if "," not in token else re.escape(token).replace(",", ",?")
    return re.escape(token)


def _spaced(tokens: list[str]) -> str:
    return r"[\s$\\,]{0,3}".join(tokens) if len(tokens) > 1 else "".join(tokens)
