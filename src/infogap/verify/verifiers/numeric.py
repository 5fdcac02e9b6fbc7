r"""Grade numbers within a tolerance: 9.8 is 9.81 within 1 %."""

from __future__ import annotations

import math
import re

import orjson

from infogap.text.characters import half_width, visible
from infogap.text.stated_answers import unwrapped
from infogap.verify.base import Grade, Item, Verifier, no_answer, right_or_wrong, too_long, ungradable
from infogap.verify.gold_answers import final_answer_in, not_one_answer
from infogap.verify.reading.answer_reader import one_notation
from infogap.verify.reading.closing_answer import closing_answer, said_alone
from infogap.verify.reading.decimal_commas import DECIMAL_COMMA, with_decimal_comma
from infogap.verify.reading.units import conflicting, quantity

TOLERANCE = 1e-6  # relative, where the task says none
NOT_A_NUMBER = "the answer is not a number"

_DECIMAL = r"(?:\d+(?:\.\d*)?|\.\d+)"
_NUMBER = re.compile(
    rf"""
    (?P<sign>[+-]?)\s*
    (?: \\frac\s*\{{\s*(?P<over>[+-]?{_DECIMAL})\s*\}}\s*\{{\s*(?P<under>{_DECIMAL})\s*\}}
      | (?P<number>{_DECIMAL}) (?: \s*/\s*(?P<divisor>{_DECIMAL}) )?
      | (?P<ten>10)\s*\^\s*\{{?(?P<exponent>[+-]?\d{{1,4}})\}}?
    )
    (?: \s*\\times\s10\^\{{(?P<power>[+-]?\d{{1,4}})\}} )?
    """,
    re.VERBOSE,
)
_IN_PARENTHESES = re.compile(r"\(\s*([+-]?[\d.]+)\s*\)")
# What may stand before it: "x = 5", "\\approx 3.14".
_BEFORE = re.compile(r"(?:\\?[A-Za-z][\w{}]{0,20}\s*)?(?:=|\\approx)\s*")


class Numeric(Verifier):
    """Correct where the answer is within the tolerance of the gold answer: |answer - gold| <= tolerance * |gold|.

    The task's metadata may hold `tolerance`, a share of the gold answer; if that is 0, only 0 is right.
    """

    needs_worker = False
    is_equality = True
    takes_tolerance = True
    reads_last_line = True

    def grade(self, item: Item) -> Grade:
        gold = None if item.gold is None else _quantity(item.gold)
        if gold is None:
            return ungradable("the task's gold answer is not a number", item.answer)
        answer = _quantity(item.answer)
        closing = None if answer is not None or item.stated else closing_answer(item.answer)
        if closing:
            answer = _quantity(closing)
        if answer is None and (alone := said_alone(closing or item.answer)):
            answer = _quantity(alone)
        if answer is None:
            if with_decimal_comma(item.answer, item.gold or "", item.question):
                return ungradable(DECIMAL_COMMA, item.answer)
            return right_or_wrong(False, item, NOT_A_NUMBER) if item.stated else no_answer()
        tolerance = float(orjson.loads(item.metadata or "{}").get("tolerance", TOLERANCE))
        if conflicting(gold[1], answer[1]):
            return right_or_wrong(False, item, f"the units differ: {answer[1]} and {gold[1]}")
        right = abs(answer[0] - gold[0]) <= tolerance * abs(gold[0])
        if not right and with_decimal_comma(item.answer, item.gold or "", item.question):
            return ungradable(DECIMAL_COMMA, item.answer)
        return right_or_wrong(right, item)

    def check_gold(self, question: str, gold: str) -> str | None:
        return too_long(gold) or not_one_answer(gold) or (NOT_A_NUMBER if number(gold) is None else None)

    def gold_answer(self, question: str, gold: str) -> str:
        return final_answer_in(gold)


def number(text: str) -> float | None:
    r"""Read a text as a number: `1,234.5`, `3.2e5`, `1.2 \times 10^5`, `\frac34`, `2\frac{3}{4}`, `3 million`, `45%`.

    A unit may follow; `x =` or "approximately" may precede. None if it is not a number, if there are several, or if a
    factor changes it: `5\sqrt{2}`, `3\pi`, `5!`. Never evaluated as code; exponents have four digits
    at most.
    """
    amount = _quantity(text)
    return amount[0] if amount else None


def _quantity(text: str) -> tuple[float, str] | None:
    """Read a text as a number and its unit."""
    text = one_notation(unwrapped(visible(half_width(text))))
    if before := _BEFORE.match(text):
        text = text[before.end() :]
    text = alone[1] if (alone := _IN_PARENTHESES.fullmatch(text)) else text
    amount = quantity(text, letters=True)
    match = None if amount is None else _NUMBER.fullmatch(amount.value)
    if amount is None or match is None:
        return None
    top, bottom = match["over"] or match["number"] or "1", match["under"] or match["divisor"] or "1"
    exponent = int(match["power"] or 0) + int(match["exponent"] or 0)
    try:
        value = float(top) / float(bottom) * 10.0**exponent
    except (OverflowError, ZeroDivisionError):
        return None
    value = -value if match["sign"] == "-" else value
    value = value / 100 if amount.percent else value
    return (value, amount.unit) if math.isfinite(value) else None


VERIFIER = Numeric()
