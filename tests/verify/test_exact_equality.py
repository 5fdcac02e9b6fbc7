"""Equality of numbers: exact where it can be, in proportion to their size where not."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import E, Float, I, Integer, Rational, Symbol, exp, log, pi, sin, sqrt

from infogap.verify.exact_equality import same

X, Y = Symbol("x", real=True), Symbol("y", real=True)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (sqrt(2) + sqrt(3), sqrt(5 + 2 * sqrt(6))),
        (sqrt(2) * sqrt(3) * sqrt(5) * sqrt(7), sqrt(210)),
        ((1 + sqrt(5)) ** 5 / 2**5, (11 + 5 * sqrt(5)) / 2),
        (Rational(1, 3) ** 400, Rational(1, 9) ** 200),
        ((1 + I) ** 4, Integer(-4)),
        (log(6), log(2) + log(3)),
        (exp(X) ** 2, exp(2 * X)),
        ((X + Y) ** 2, X**2 + 2 * X * Y + Y**2),
        (Float("0.1"), Rational(1, 10)),
        (Float("3.14159265"), pi),
    ],
)
def test_equal(one: object, other: object) -> None:
    assert same(one, other) and same(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (sqrt(10**60 + 1), Integer(10) ** 30),
        (sqrt(10**400 + 1), Integer(10) ** 200),
        (Integer(2) ** -1000, Integer(2) ** -1001),
        (exp(-200), exp(-300)),
        (exp(-200), Integer(0)),
        (E, Rational(19, 7)),
        (Float("0.333333"), Rational(1, 3)),
        (Float("3.1416"), pi),
        (sin(Rational(1, 10**10)), Rational(1, 10**10)),
        ((1 + Rational(1, 10**30)) * X, X),
        (X + exp(-200), X),
        (sqrt(X**2), X),
        (2 + 3 * I, 2 - 3 * I),
        (X, Y),
    ],
)
def test_nearly_equal_is_not_equal(one: object, other: object) -> None:
    assert not same(one, other) and not same(other, one)


@given(st.fractions(), st.fractions())
def test_fractions(one: Fraction, other: Fraction) -> None:
    ours = [Rational(value.numerator, value.denominator) for value in (one, other)]
    assert same(*ours) == (one == other)


_RADICALS = st.lists(st.tuples(st.integers(-9, 9), st.sampled_from([2, 3, 5, 6, 7, 10])), min_size=1, max_size=3).map(
    lambda terms: sum(factor * sqrt(inside) for factor, inside in terms)
)


@settings(deadline=None, max_examples=30)
@given(_RADICALS, st.integers(1, 10**30))
def test_radicals_and_their_squares(value: Any, far: int) -> None:
    value = value + Rational(1, 7)
    assert same(value * value, (value**2).expand())
    assert not same(value + Rational(1, far * 10**60), value)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 400), st.integers(1, 400))
def test_size_does_not_matter(one: int, other: int) -> None:
    for base in (Integer(10), E, pi):
        assert same(base**-one, base**-other) == (one == other)
