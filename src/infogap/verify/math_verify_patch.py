"""Math-Verify's parser, made faster, limited to LaTeX (other arithmetic would go to `eval`), and case-sensitive.

Two of the names that it looks up are replaced, in this process only; what it finds in LaTeX does not change. It reads
A as a, and I as the imaginary unit, so capitals are renamed first.
"""

from __future__ import annotations

import logging
import re
from typing import Any

import math_verify.parser
from antlr4.atn.PredictionMode import PredictionMode
from latex2sympy2_extended import NormalizationConfig, latex2sympy2
from math_verify import LatexExtractionConfig, parse
from sympy import MatrixExpr

# It warns that its own time limits are off: the worker pool has limits of its own.
logging.getLogger("math_verify").setLevel(logging.ERROR)

# Answers have been read before they come here: they need no repair, and no letter after a number is a unit.
_NORMALIZATION = NormalizationConfig(basic_latex=True, units=False, malformed_operators=False, nits=True, boxed="last")
_TARGETS = (LatexExtractionConfig(boxed_match_priority=0, normalization_config=_NORMALIZATION),)

_COMMAND = re.compile(r"(\\(?:begin|end|mathbb|mathcal|operatorname)\s*\{[A-Za-z*]*\}|\\[A-Za-z]+)")
_FREE = [
    *"abchjklmnopqrstuvwxyz",
    *(rf"\{name} " for name in ("alpha", "beta", "delta", "eta", "kappa", "rho", "tau", "psi")),
]


def expressions(latex: str) -> list[Any]:
    """Parse LaTeX to its expression, `[]` where Math-Verify cannot read one. Raises what sympy raises."""
    if not latex:
        return []
    readings = [each for each in parsed(f"\\boxed{{{latex}}}") if not isinstance(each, str)]
    # 2A is a product that Math-Verify does not compare with its entries
    return [each.doit() if isinstance(each, MatrixExpr) else each for each in readings]


def parsed(text: str) -> list[Any]:
    """Parse the expression that ends a text, with its text: `[]` if it has none. Raises what sympy raises."""
    readings: list[Any] = parse(text, _TARGETS, parsing_timeout=None, raise_on_error=True)
    return readings


def with_distinct_capitals(one: str, other: str) -> tuple[str, str]:
    """Rename every capital variable of two texts in LaTeX to a letter that neither of them has."""
    used = set(_letters(one) + _letters(other))
    capitals = sorted(letter for letter in used if letter.isupper())
    if not capitals:
        return one, other
    free = [name for name in _FREE if name not in used and name.strip() not in one + other]
    if len(free) < len(capitals):
        return one, other
    renamed = dict(zip(capitals, free, strict=False))
    return _renamed(one, renamed), _renamed(other, renamed)


def _letters(latex: str) -> str:
    return "".join(re.findall(r"[A-Za-z]", _COMMAND.sub(" ", latex)))


def _renamed(latex: str, renamed: dict[str, str]) -> str:
    parts = _COMMAND.split(latex)  # commands stand at odd places
    for place in range(0, len(parts), 2):
        parts[place] = re.sub(r"[A-Z]", lambda letter: renamed[letter[0]], parts[place])
    return "".join(parts)


class _Parser(latex2sympy2.PSParser):  # type: ignore[misc]
    """The grammar's parser, with a choice of the prediction mode.

    According to ANTLR, SLL prediction gives the tree that LL gives, or reports an error where LL may find none. It
    takes a fifth of the time, as its decisions can be cached.
    """

    mode = PredictionMode.LL

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._interp.predictionMode = self.mode


def _read_latex(latex: str, **settings: Any) -> Any:
    _Parser.mode = PredictionMode.SLL
    try:
        return latex2sympy2.latex2sympy(latex, **settings)
    except Exception:
        _Parser.mode = PredictionMode.LL
        return latex2sympy2.latex2sympy(latex, **settings)


latex2sympy2.PSParser = _Parser
math_verify.parser.latex2sympy = _read_latex
