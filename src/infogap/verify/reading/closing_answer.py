"""Read the result in the last line of a response that states no answer."""

from __future__ import annotations

import re

from infogap.text.characters import half_width, visible
from infogap.text.stated_answers import MAX_ANSWER, unwrapped

_FORMULA = re.compile(r"\$\$(.+?)\$\$|(?<!\\)\$(.+?)(?<!\\)\$|\\\((.+?)\\\)|\\\[(.+?)\\\]")
_BOLD = re.compile(r"\*\*(.+?)\*\*")
_COPULA = re.compile(
    r"(?:\b(?:is|are|was|were|equals?(?:\s+to)?|be|becomes?|gives?|gets?|yields?|costs?|have|has|makes?|totals?|takes?|left\s+with"
    r"|we\s+find)\b|[=≈:])(?!\s*(?:not|n't)\b(?!.*\bbut\b))\s*",
    re.IGNORECASE,
)
_SIGNS = re.compile(r"[\d=^\\√π∞∅°+*/<>²³½-¾]")
_ONE_NUMBER = re.compile(r"[-+−]?\s?(?:[$€£¥]\s?)?\d[\d,.]*(?:\s?(?:%|\^?°))?")
_NO_RESULT = re.compile(
    r"\b(?:not|between|least|most|than|to|over|under|above|below|from|within|step|part|case|equation|question|problem|number|no)\W*$",
    re.IGNORECASE,
)
_OPERATORS = re.compile(r"[-+*/=^×·÷√π!<>\\²³½-¾/]")


def closing_answer(line: str) -> str | None:
    """Return the result in a last line; None where it gives none.

    "So there are 4 + 5 = 9 apples left." gives 9 apples, "Therefore the length is 2√3." gives 2√3, and a line that is
    only an expression gives that. A line with one number, and no word that changes it, gives that number.
    """
    line = unwrapped(visible(half_width(line)))[-MAX_ANSWER:]
    if bold := _last(_BOLD, line):
        line = bold
    if not _SIGNS.search(line):
        return None
    if formulas := list(_FORMULA.finditer(line)):
        return _last_formula(line, formulas[-1])
    parts = _COPULA.split(line)
    said = next((part for part in reversed(parts) if part.strip()), "").strip(" .*")
    if len(parts) > 1:
        return said if _SIGNS.search(said) else None
    if not re.search(r"[A-Za-z]{2,}", re.sub(r"\\[A-Za-z]+", " ", line)):
        return _after_equals(line)
    return _one_number(line)


def _last_formula(line: str, last: re.Match[str]) -> str | None:
    """The last formula of a line, unless the line goes on with others, or joins it to one before."""
    tail = line[last.end() :].strip(" .*")
    if any(sign.isdigit() for sign in tail) or re.match(r"(?:and|or|but|out|to)\b", tail):
        return None
    if re.fullmatch(r".*\$\s*(?:and|or|,)\s*", line[: last.start()]):
        return None
    return _after_equals(next(group for group in last.groups() if group is not None))


def _one_number(line: str) -> str | None:
    numbers = _ONE_NUMBER.findall(line)
    if len(numbers) != 1 or _OPERATORS.search(line.replace(numbers[0], " ")):
        return None
    start = line.index(numbers[0])
    return None if _NO_RESULT.search(line[:start]) else line[start:].strip(" .*") or None


def _last(pattern: re.Pattern[str], line: str) -> str | None:
    matches = pattern.findall(line)
    return matches[-1] if matches and _SIGNS.search(matches[-1]) else None


def _after_equals(text: str) -> str:
    """The last side of a chain of equations; an equation for a variable as it stands."""
    sides = re.split(r"(?<![<>!\\])=|≈|\\approx", text)
    return (
        sides[-1].strip()
        if len(sides) > 2 or (len(sides) == 2 and not re.fullmatch(r"\s*[A-Za-z]\w?\s*", sides[0]))
        else text
    )
