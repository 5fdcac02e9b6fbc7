"""The quick way of reading LaTeX finds what the thorough one finds."""

from __future__ import annotations

from typing import Any

import math_verify.parser
import pytest
from antlr4.atn.PredictionMode import PredictionMode
from hypothesis import given, settings
from hypothesis import strategies as st
from latex2sympy2_extended import latex2sympy2

from infogap.verify.math_verify_patch import parsed, with_distinct_capitals

_LATEX = [
    "x^2 - 6x - 7",  # for which quick prediction alone reports an error
    r"(3, \frac{\pi}{2})",
    r"(-\infty, 3] \cup (4, \infty)",
    r"\{1, 2, 3\}",
    r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}",
    "y = 2x + 1",
    r"\sqrt[3]{5}",
    r"\int_0^1 x dx",
    r"\sum_{i=1}^3 i",
    r"\log_2 8 + \sin^2 x",
    r"|x - 3| \le 5",
    r"\binom{5}{2}",
    r"90^\circ",
    "3 + 2i",
]


def _thorough(latex: str) -> Any:
    latex2sympy2.PSParser.mode = PredictionMode.LL
    return latex2sympy2.latex2sympy(latex, is_real=True, convert_degrees=False, normalization_config=None)


def _quick(latex: str) -> Any:
    return math_verify.parser.latex2sympy(latex, is_real=True, convert_degrees=False, normalization_config=None)


@pytest.mark.parametrize("latex", _LATEX)
def test_both_ways_find_the_same(latex: str) -> None:
    assert _quick(latex) == _thorough(latex)


_TERMS = st.recursive(
    st.sampled_from(["x", "y", "2", "13", "3.5", r"\pi", "n"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from([" + ", " - ", "", r" \cdot ", " / "]), inner).map("".join),
        inner.map(lambda term: f"({term})"),
        inner.map(lambda term: rf"\sqrt{{{term}}}"),
        inner.map(lambda term: rf"({term})^{{2}}"),
        st.tuples(inner, inner).map(lambda pair: rf"\frac{{{pair[0]}}}{{{pair[1]}}}"),
    ),
    max_leaves=4,
)


@settings(deadline=None, max_examples=25)
@given(_TERMS)
def test_both_ways_find_the_same_in_any_expression(latex: str) -> None:
    assert _quick(latex) == _thorough(latex)


@pytest.mark.parametrize("latex", [r"\frac{1}{", r"\begin{matrix} 1", "x +"])
def test_both_ways_refuse_the_same(latex: str) -> None:
    with pytest.raises(Exception) as thorough:
        _thorough(latex)
    with pytest.raises(type(thorough.value)):
        _quick(latex)


def test_a_text_without_an_expression_has_none() -> None:
    assert parsed("That is all.") == []


def test_capitals_are_other_letters() -> None:
    assert with_distinct_capitals("A + a", "a + A") == ("b + a", "a + b")
    assert with_distinct_capitals("x + y", "y + x") == ("x + y", "y + x")
    assert with_distinct_capitals(r"\Delta + \mathbb{R}", "N") == (r"\Delta + \mathbb{R}", "c")
