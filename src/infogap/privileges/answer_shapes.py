"""What form an answer has, and whether two answers are plainly the same."""

from __future__ import annotations

import re
from fractions import Fraction

from infogap.text.markup import braced

NUMBER = re.compile(r"[-+]?(?:\d+(?:\.\d+)?|\.\d+)")
_APART = Fraction(1, 1_000)  # of the number, and at least this; verifiers round later
_PLAIN = re.compile(r"[-+]?(?:\d{1,100}(?:\.\d{1,100}|/\d{1,100})?|\.\d{1,100})")
_FRACTION = re.compile(r"([-+]?)\\[dt]?frac\{(\d{1,100})\}\{(\d{1,100})\}")
_WRAPPED = re.compile(r"(\\(?:text|textbf|textit|textrm|mathrm|mbox)\s*\{\s*|\(|)(.*?)((?:\\?[.\s])*[)}]?)", re.DOTALL)
_WORDS = re.compile(r"[^\W\d_]{2,}(?:[ '-][^\W\d_]+)*")


def form(answer: str) -> str:
    r"""An answer without its values: `\frac{1}{2}` and `\frac37` have one form, and so have 12 and 47, but not -3.

    A number's form is its sign and its digits before and behind the point; words have one form, capitalised or not.
    """
    words = in_words(answer)
    if words:
        return "Words" if words[1][0].isupper() else "words"
    text = re.sub(r"\\left|\\right|\\[,!;]|\s", "", braced(answer))
    if NUMBER.fullmatch(text):
        return re.sub(r"\d", "0", text)
    return re.sub(r"\d+(\.\d+)?|\.\d+", lambda match: "0.0" if "." in match[0] else "0", text)


def in_words(answer: str) -> tuple[str, str, str] | None:
    r"""`\text{even}` as `\text{`, `even`, `}`; None where the answer is no words."""
    wrapped = _WRAPPED.fullmatch(answer)
    return (wrapped[1], wrapped[2], wrapped[3]) if wrapped and _WORDS.fullmatch(wrapped[2]) else None


def same(one: str, other: str) -> bool:
    r"""Whether two answers are equal but for the case of letters and white space, or are the same number.

    Numbers may be fractions (`1/2`, `\frac12`), decimals, with commas or a dollar sign; other notations are only
    compared as text.
    """
    if _squeezed(one) == _squeezed(other):
        return True
    values = _value(one), _value(other)
    return values[0] is not None and values[0] == values[1]


def plainly_differ(one: str, other: str) -> bool:
    """Whether both are numbers so far apart that no verifier of values takes one for the other."""
    value, beside = _value(one), _value(other)
    if value is None or beside is None:
        return False
    return abs(value - beside) > _APART * max(Fraction(1), abs(beside))


def _squeezed(answer: str) -> str:
    return re.sub(r"\s", "", braced(answer)).casefold()


def _value(answer: str) -> Fraction | None:
    """The number or fraction that an answer is; no powers of ten, as `1e999999999` would take for ever."""
    plain = _FRACTION.sub(r"\1\2/\3", braced(answer.replace(",", "").replace("$", "").strip()))
    try:
        return Fraction(plain) if _PLAIN.fullmatch(plain) else None
    except ZeroDivisionError:
        return None
