r"""Masked solutions: the plan without the results. Numbers, the answer and boxed values are blanked out.

Formulas stay readable: operators, letters and LaTeX commands are kept, and so are exponents and indices
of one digit, which belong to a formula's form (`x^2`, `a_1`).
"""

from __future__ import annotations

import re

BLANK = "___"
_NUMBER = re.compile(r"(?<![\w^_])[-+]?(?:\d[\d,]*\.?\d*|\.\d+)%?|(?<=[A-Za-z])\d+(?![\w])|\d+")
_FORM = re.compile(r"[\^_](?:\d(?!\d)|\{\d\})|\\\w+")  # x^2, a_{1}, \frac: kept as they are
_BOX = re.compile(r"\\(?:boxed|fbox)\s*\{")


def masked(solution: str, answer: str | None) -> str:
    """The solution with every value replaced by a blank: boxed ones, the gold answer wherever it stands, numbers."""
    text = _without_boxed(solution)
    if answer and answer.strip():
        text = _without_answer(text, answer.strip())
    pieces = []
    end = 0
    for form in _FORM.finditer(text):
        pieces += [_NUMBER.sub(BLANK, text[end : form.start()]), form.group()]
        end = form.end()
    return "".join(pieces) + _NUMBER.sub(BLANK, text[end:])


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
