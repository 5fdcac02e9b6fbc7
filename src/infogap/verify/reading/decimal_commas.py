"""Notice numbers that are equal only where a comma separates the decimals, as in much of Europe: 1.234,5 is 1,234.5."""

from __future__ import annotations

import re
from fractions import Fraction

DECIMAL_COMMA = "the answer equals the gold answer if one of them is written with a decimal comma, which cannot be told"

_NUMBER = re.compile(r"(?<![\d.,])[+-]?\d+(?:[.,]\d+)*(?![.,]{2})")
_ENGLISH = re.compile(r"\b(?:the|what|which|how|find|of|many)\b", re.IGNORECASE)
_GROUPED = re.compile(r"([+-]?[1-9]\d{0,2}(?:,\d{3})+|[+-]?\d+)(?:\.(\d+))?")
_SWAPPED = str.maketrans(".,", ",.")
_LONGEST = 200  # characters


def with_decimal_comma(one: str, other: str, question: str) -> bool:
    """Whether two answers with one number each are equal if one of them is read with a decimal comma, and only then.

    Which way it is meant the text alone does not say, unless the question is in English, where it is a point.
    """
    if _ENGLISH.search(question):
        return False
    if len(one) > _LONGEST or len(other) > _LONGEST:
        return False
    numbers = [_NUMBER.findall(text) for text in (one, other)]
    if any(len(found) != 1 for found in numbers) or not any(sign in found[0] for found in numbers for sign in ".,"):
        return False
    first, second = (found[0] for found in numbers)
    if "/" in one or "/" in other or "frac" in one + other:
        return False
    ours, theirs = _value(first), _value(second)
    swapped = _value(first.translate(_SWAPPED)), _value(second.translate(_SWAPPED))
    if ours is not None and ours == theirs:
        return False
    return (swapped[0] is not None and swapped[0] == theirs) or (ours is not None and ours == swapped[1])


def _value(number: str) -> Fraction | None:
    """Return the value of a number whose decimals follow a point, and whose groups of three are set off by commas."""
    match = _GROUPED.fullmatch(number)
    return None if match is None else Fraction(f"{match[1].replace(',', '')}.{match[2] or '0'}")
