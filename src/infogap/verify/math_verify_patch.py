"""Math-Verify's parser: quicker, and for LaTeX alone: other arithmetic would go to `eval`.

Two of the names that it looks up are replaced, in this process only; what it finds in LaTeX stays the same.
"""

from __future__ import annotations

import logging
from typing import Any

import math_verify.parser
from antlr4.atn.PredictionMode import PredictionMode
from latex2sympy2_extended import NormalizationConfig, latex2sympy2
from math_verify import LatexExtractionConfig, parse

# It warns that its own time limits are off: graders run where the worker pool bounds them.
logging.getLogger("math_verify").setLevel(logging.ERROR)

# The text of an answer is read before: what is left needs no repair, and no letter after a number is a unit.
_NORMALIZATION = NormalizationConfig(basic_latex=True, units=False, malformed_operators=False, nits=True, boxed="last")
_TARGETS = (LatexExtractionConfig(boxed_match_priority=0, normalization_config=_NORMALIZATION),)


def expressions(latex: str) -> list[Any]:
    """The expression that LaTeX is, `[]` where Math-Verify cannot read it as one. Raises what sympy raises."""
    if not latex:
        return []
    return [found for found in parsed(f"\\boxed{{{latex}}}") if not isinstance(found, str)]


def parsed(text: str) -> list[Any]:
    """The expression that a text ends in, and its text: `[]` where it has none. Raises what sympy raises."""
    found: list[Any] = parse(text, _TARGETS, parsing_timeout=None, raise_on_error=True)
    return found


class _Parser(latex2sympy2.PSParser):  # type: ignore[misc]
    """The grammar's parser, whose prediction can be the quick one.

    By ANTLR's own account SLL prediction gives the tree that LL gives, or reports an error where LL may find none; it
    takes a fifth of the time, as what it has decided can be kept.
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
