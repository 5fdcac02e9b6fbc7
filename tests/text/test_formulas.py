"""Fractions are written with braces. What a hint must not cut is tested with hints, and beside what is masked."""

from __future__ import annotations

import pytest

from infogap.text.formulas import braced


@pytest.mark.parametrize(("latex", "braces"), [(r"\frac12", r"\frac{1}{2}"), (r"\dfrac 1{2}", r"\dfrac{1}{2}")])
def test_fractions_with_braces(latex: str, braces: str) -> None:
    assert braced(latex) == braced(braces) == braces
