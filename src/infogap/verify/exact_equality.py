r"""Compare two expressions: exactly if they are rational or algebraic, else to fifty digits.

Decimals count as exact fractions. An algebraic number other than zero is at least as large as a bound that follows from
its radicals (Burnikel, Funke, Mehlhorn, Schirra and Schmitt 2001: the BFMSS bound): a smaller one is zero. Other
numbers are computed to sixty significant digits, of which fifty must agree.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import mpmath  # type: ignore[import-untyped]
from sympy import Add, Basic, Expr, Float, I, Integer, Mul, Pow, Rational, Symbol, UnevaluatedExpr, nan, oo, zoo
from sympy.core.function import AppliedUndef

_DIGITS = 60  # computed, of which 50 have to agree
_AGREEING = mpmath.mpf(10) ** -50
_MOST_DIGITS = 400  # that cancellation may cost
_MOST_BITS = 60_000  # of a proof that an algebraic number is zero
_ROUNDED = mpmath.mpf(10) ** -6  # of a decimal that approximates an irrational number
_POINTS = 6
_FEWEST_POINTS = 3
_PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97)


def exact(expression: Any) -> Any:
    """Replace decimals by fractions, and evaluate an expression."""
    if isinstance(expression, Basic):
        decimals = {number: Rational(str(number)) for number in expression.atoms(Float)}
        if decimals:
            expression = expression.xreplace(decimals)
        if expression.has(AppliedUndef):
            expression = expression.replace(
                lambda part: isinstance(part, AppliedUndef), lambda part: Symbol(str(part), real=True)
            )
        if expression.has(UnevaluatedExpr):
            expression = expression.replace(lambda part: isinstance(part, UnevaluatedExpr), lambda part: part.args[0])
    return expression.doit()


def same(one: Any, other: Any) -> bool:
    """Whether two expressions have the same value; with free symbols, at every point that is tried."""
    decimal = isinstance(one, Float) or isinstance(other, Float)
    one, other = exact(one), exact(other)
    if one == other:
        return one not in (nan, zoo)
    symbols = sorted(one.free_symbols | other.free_symbols, key=str)
    if not symbols:
        return _same_number(one, other, rounded=decimal)
    compared = 0
    for point in points(symbols):
        values = number(one.xreplace(point)), number(other.xreplace(point))
        if values[0] is None or values[1] is None:
            if (values[0] is None) != (values[1] is None):
                return False
            continue
        if not _close(*values, _AGREEING) or _differ(one.xreplace(point), other.xreplace(point)):
            return False
        compared += 1
    return compared >= _FEWEST_POINTS


def points(symbols: list[Symbol]) -> Iterator[dict[Symbol, Rational]]:
    """Yield generic points: fractions of primes, positive and negative, different ones for every symbol."""
    for turn in range(_POINTS):
        yield {
            symbol: Rational(
                (-1) ** (turn * (place + 1) // 2) * _PRIMES[(7 * turn + 3 * place + 5) % 25],
                _PRIMES[(turn + place) % 6],
            )
            for place, symbol in enumerate(symbols)
        }


def number(expression: Any) -> Any:
    """Return the value of an expression as an mpmath number of sixty digits; None if it has none, or free symbols."""
    if expression in (oo, -oo):
        return mpmath.inf if expression == oo else -mpmath.inf
    try:
        value = expression.evalf(_DIGITS, maxn=_MOST_DIGITS)
        if not value.is_number or value.has(nan, zoo, oo):
            return None
        with mpmath.workdps(_DIGITS):
            real, imaginary = value.as_real_imag()
            if not (real.is_Float or real.is_Rational) or not (imaginary.is_Float or imaginary.is_Rational):
                return None
            return mpmath.mpc(_mpf(real), _mpf(imaginary))
    except (TypeError, ValueError, AttributeError, ArithmeticError, NotImplementedError):
        return None


def _mpf(value: Expr) -> Any:
    if isinstance(value, Float):
        return mpmath.mpf(0) if value._prec == 1 else mpmath.mp.make_mpf(value._mpf_)
    return mpmath.mpf(value.p) / mpmath.mpf(value.q)


def _close(one: Any, other: Any, tolerance: Any) -> bool:
    with mpmath.workdps(_DIGITS):
        if mpmath.isinf(one) or mpmath.isinf(other):
            return bool(one == other)
        return bool(abs(one - other) <= tolerance * max(abs(one), abs(other)))


def _same_number(one: Any, other: Any, *, rounded: bool) -> bool:
    if isinstance(one, Rational) and isinstance(other, Rational):
        return bool(one == other)
    values = number(one), number(other)
    if values[0] is None or values[1] is None:
        return False
    if rounded and isinstance(one, Rational) != isinstance(other, Rational):
        return _close(*values, _ROUNDED)
    if not _close(*values, _AGREEING):
        return False
    difference = Add(one, Mul(Integer(-1), other))
    bound = _bound(difference)
    if bound is None:
        return not _differ(one, other)
    return _vanishes(difference, bound, float(mpmath.log(1 + abs(values[0]), 2)))


def _differ(one: Any, other: Any) -> bool:
    """Whether two numbers differ beyond the sixtieth digit, as 1 and 1 + e^-200."""
    difference = (one - other).evalf(2, maxn=_MOST_DIGITS)
    parts = [part for part in difference.as_real_imag() if part != 0]
    return any(part.is_Rational or (part.is_Float and part._prec > 1) for part in parts)


def _vanishes(difference: Any, bits: float, cancelled: float) -> bool:
    """Whether a number that is at least 2^-bits, or zero, is zero; of its terms `cancelled` bits are lost."""
    if difference == 0:
        return True
    if bits + cancelled > _MOST_BITS:
        return False
    digits = int((bits + cancelled) * 0.302) + 30
    value = difference.evalf(15, maxn=digits)
    return bool(value == 0 or abs(value) < Float(2) ** (-int(bits) - 2) or getattr(value, "_prec", 0) == 1)


def _bound(expression: Any) -> float | None:
    """Return b such that an algebraic number is 0 or at least 2^-b; None if it may not be algebraic."""
    radicals: dict[Any, int] = {}
    sizes = _sizes(expression, radicals)
    if sizes is None:
        return None
    degree = math.prod(radicals.values())
    upper, lower = sizes
    return (degree - 1) * upper + lower if upper > 0 or lower > 0 else 1.0


def _sizes(expression: Any, radicals: dict[Any, int]) -> tuple[float, float] | None:
    """Return the logarithms of BFMSS's u and l; add the radicals in it, with their indices, to `radicals`."""
    if isinstance(expression, Rational):
        return _log(abs(expression.p)), _log(expression.q)
    if expression == I:
        radicals[expression] = 2
        return 0.0, 0.0
    if isinstance(expression, Pow) and isinstance(expression.exp, Rational):
        return _power(expression, radicals)
    if isinstance(expression, Add | Mul):
        return _terms(expression, radicals)
    return None


def _terms(expression: Any, radicals: dict[Any, int]) -> tuple[float, float] | None:
    known = [part for part in (_sizes(part, radicals) for part in expression.args) if part is not None]
    if len(known) < len(expression.args):
        return None
    lower = sum(part[1] for part in known)
    if isinstance(expression, Mul):
        return sum(part[0] for part in known), lower
    return max(part[0] - part[1] for part in known) + lower + _log(len(known)), lower


def _power(power: Pow, radicals: dict[Any, int]) -> tuple[float, float] | None:
    inner = _sizes(power.base, radicals)
    if inner is None:
        return None
    over, under = power.exp.p, power.exp.q
    if under > 1:
        radicals[(power.base, under)] = under
    upper, lower = inner[0] * abs(over) / under, inner[1] * abs(over) / under
    return (upper, lower) if over > 0 else (lower, upper)


@lru_cache(maxsize=256)
def _log(number: int) -> float:
    return math.log2(number) if number else 0.0
