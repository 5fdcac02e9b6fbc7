r"""Read an equation that only names the quantity that a question asks for, as `f(2) = 3` where it asks for f(2)."""

from __future__ import annotations

import re

_POINTS = r"[A-Z](?:_\w|_\{\w+\}|['′]{1,2})?"
_QUANTITY = re.compile(
    rf"(?:m\s*)?(?:\\(?:overline|widehat|triangle|angle|measuredangle)\s*)?\{{?\s*(?:{_POINTS}\s*){{2,4}}\}}?"
    rf"|m?\s*\\(?:angle|measuredangle)\s*\{{?\s*{_POINTS}\s*\}}?"
    rf"|\|\s*(?:\\overline\s*)?\{{?(?:{_POINTS}\s*){{2}}\}}?\s*\|"
    r"|(?:[A-Za-z](?:_\w|_\{\w+\})?|\\(?:Pr|phi|varphi|sigma|tau|mu|operatorname\s*\{\w+\}|mathbb\s*\{?[A-Z]\}?))['′]{0,3}"
    r"\s*(?:\\left)?[(\[][^()\[\]=]{1,40}(?:\\right)?[)\]]"  # f(2), P(A), E[X]
    r"|\\(?:sin|cos|tan|cot|sec|csc|log|ln)(?:_\w|_\{\w+\})?\s*\(?\s*\{?(?:\\[a-z]+|[A-Za-z\d])+\}?\s*\)?"
    r"|\\frac\s*\{\s*d\w?\s*\}\s*\{\s*d\w\s*\}"
)
_EQUATION = re.compile(r"([^=<>]{1,80}?)\s*=\s*([^=<>]+)")
_IGNORED = re.compile(r"\s|\\(?:left|right)(?![a-z])|\\[,;:! ]|[${}]")
_CHAINED = re.compile(r",|\\(?:text|quad|qquad|le|ge|ne|leq|geq|in|implies)(?![a-z])")


def value_asked_for(text: str, question: str) -> str | None:
    """Return the right side of an equation whose left side is a quantity that the question names; else None.

    Left sides that make it the equation of a curve, such as `xy` and `x^2 + y^2`, name no quantity.
    """
    equation = _EQUATION.fullmatch(text.strip(" $.\n"))
    if equation is None or _CHAINED.search(equation[2]) or not _QUANTITY.fullmatch(equation[1].strip()):
        return None
    named = _IGNORED.sub("", equation[1])
    return equation[2].strip() if named and named in _IGNORED.sub("", question) else None
