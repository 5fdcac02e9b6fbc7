r"""Numbers, compared within a tolerance: 9.8 is 9.81 within 1 %."""

from __future__ import annotations

import math
import re

import orjson

from infogap.verify.answers import unwrapped
from infogap.verify.grade import Grade, Item, no_answer, right_or_wrong, ungradable
from infogap.verify.graders.exact import half_width

TOLERANCE = 1e-6  # relative, where the task says none

_DECIMAL = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d*)?|\.\d+"
_NUMBER = re.compile(
    rf"""
    (?P<sign>[+-]?)\s*
    (?: \\[dt]?frac\s*\{{\s*(?P<over>{_DECIMAL})\s*\}}\s*\{{\s*(?P<under>{_DECIMAL})\s*\}}
      | (?P<number>{_DECIMAL})
        (?: \s*/\s*(?P<divisor>{_DECIMAL}) )?
        (?: [eE](?P<e>[+-]?\d{{1,4}})
          | \s*(?:\\times|\\cdot|[×·*])\s*10\s*\^\s*\{{?\s*(?P<power>[+-]?\d{{1,4}})\s*\}}? )?
    )
    \s*(?P<percent>\\?%)?
    """,
    re.VERBOSE,
)
# What may stand before it: "x = 5", "\\approx 3.14".
_BEFORE = re.compile(r"(?:\\?[A-Za-z]\w{0,20}\s*)?(?:=|≈|\\approx)\s*")
# A unit, or words: "3.2 m/s", "12 apples". Digits after the number would make it another one.
_REST = re.compile(r"[^\d=<>±]*(?:(?<=[a-zA-Z}])\^?\{?-?\d\}?[^\d=<>±]*)*")


def grade(item: Item) -> Grade:
    """Correct where the answer is within the tolerance of the gold answer: |answer - gold| <= tolerance * |gold|.

    The task's metadata may hold `tolerance`. A gold answer of 0 takes the tolerance as an absolute one.
    """
    gold = None if item.gold is None else number(item.gold)
    if gold is None:
        return ungradable("the task's gold answer is not a number", item.answer)
    answer = number(item.answer)
    if answer is None:
        return right_or_wrong(False, item, "the answer is not a number") if item.stated else no_answer()
    tolerance = float(orjson.loads(item.metadata or "{}").get("tolerance", TOLERANCE))
    return right_or_wrong(abs(answer - gold) <= tolerance * (abs(gold) or 1), item)


def number(text: str) -> float | None:
    r"""The number that a text is: `1,234.5`, `3.2e5`, `1.2 \times 10^5`, `\frac34`, `45%`, with a unit, or after `x =`.

    None where it is none, or more than one. Never evaluated as code; exponents have four digits at most.
    """
    text = unwrapped(half_width(text)).replace("−", "-").replace("\\$", "").replace("$", "").replace("{,}", ",")
    text = re.sub(r"\\[dt]?frac\s*(\d)\s*(\d)", r"\\frac{\1}{\2}", text).strip()
    before = _BEFORE.match(text)
    match = _NUMBER.match(text, before.end() if before else 0)
    if match is None or not _REST.fullmatch(text, match.end()):
        return None
    top, bottom = match["over"] or match["number"], match["under"] or match["divisor"] or "1"
    exponent = int(match["e"] or match["power"] or 0)
    try:
        value = _decimal(top) / _decimal(bottom) * 10.0**exponent
    except (OverflowError, ZeroDivisionError):
        return None
    value = -value if match["sign"] == "-" else value
    value = value / 100 if match["percent"] else value
    return value if math.isfinite(value) else None


def _decimal(text: str) -> float:
    return float(text.replace(",", ""))
