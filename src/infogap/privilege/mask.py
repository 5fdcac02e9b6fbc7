r"""Masked solutions: the plan without the results. Numbers, the answer and boxed values are blanked out.

Formulas stay readable: operators, letters and LaTeX commands are kept, and so are exponents and indices
of one digit, which belong to a formula's form (`x^2`, `a_1`). Numbers in words ("twelve") stay, unless the
answer is that word.
"""

from __future__ import annotations

import re

BLANK = "___"
_NUMBER = re.compile(r"(?<![\w^_])[-+]?(?:\d[\d,]*\.?\d*|\.\d+)%?|(?<=[A-Za-z])\d+(?![\w])|\d+")
_FORM = re.compile(r"[\^_](?:\d(?!\d)|\{\d\})|\\[A-Za-z]+")  # x^2, a_{1}, \frac: kept as they are
_ARGUMENT = r"\s*(\d|[A-Za-z]|\\[A-Za-z]+|\{[^{}]*\})"
_FRACTION = re.compile(rf"\\[dtc]?frac(?![A-Za-z]){_ARGUMENT}{_ARGUMENT}")
_BOX = re.compile(r"\\(?:boxed|fbox)\s*\{")


def masked(solution: str, answer: str | None) -> str:
    r"""The solution with every value replaced by a blank: boxed ones, the gold answer wherever it stands, numbers.

    Fractions come out as `\frac{...}{...}`, however the solution spells them.
    """
    text = _braced(_without_boxed(solution))
    if answer and answer.strip():
        text = _without_answer(text, _braced(answer.strip()))
    pieces = []
    end = 0
    for form in _FORM.finditer(text):
        pieces += [_NUMBER.sub(BLANK, text[end : form.start()]), form.group()]
        end = form.end()
    return "".join(pieces) + _NUMBER.sub(BLANK, text[end:])


def _braced(text: str) -> str:
    r"""Fractions in one spelling: `\frac12`, `\dfrac 1{2}` and `\frac{1}{2}` are the same to TeX."""
    return _FRACTION.sub(lambda match: rf"\frac{{{_inside(match[1])}}}{{{_inside(match[2])}}}", text)


def _inside(argument: str) -> str:
    return argument[1:-1] if argument.startswith("{") else argument


def _without_answer(text: str, answer: str) -> str:
    """Whole occurrences only: the answer `a` is not the letter in `cat`."""
    start = r"(?<!\w)" if answer[0].isalnum() else ""
    end = r"(?!\w)" if answer[-1].isalnum() else ""
    return re.sub(start + re.escape(answer) + end, BLANK, text)


def _without_boxed(text: str) -> str:
    """What stands in balanced boxes is blanked out; a box that never closes is blanked to the end."""
    pieces, end = [], 0
    for box in _BOX.finditer(text):
        if box.start() < end:
            continue  # a box inside a box
        close = _closing(text, box.end())
        pieces += [text[end : box.end()], BLANK, "}"]
        end = close + 1
    return "".join(pieces) + text[end:]


def _closing(text: str, start: int) -> int:
    """The place of the brace that closes the one before `start`, or the text's end."""
    depth = 1
    for place in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth == 0:
            return place
    return len(text)
