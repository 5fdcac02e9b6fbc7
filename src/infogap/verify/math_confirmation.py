"""Confirm what Math-Verify calls equal, with exact arithmetic, part by part."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from latex2sympy2_extended.logic import And
from sympy import Basic, Eq, FiniteSet, I, Interval, MatrixBase, Mul, Rational, Set, Tuple, UnevaluatedExpr, oo
from sympy.core.relational import Relational

from infogap.verify.exact_equality import exact, number, points, same

_FLIPPED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "==": "==", "!=": "!="}
_HUNDREDTH = UnevaluatedExpr(Rational(1, 100))


def confirmed(gold: Any, answer: Any) -> bool:
    """Whether two readings are certainly equal: numbers exactly or to fifty digits, the rest by its parts.

    A list is compared with a list, in any order where the gold answer has none; an equation for a variable with its
    right side, as `x = 5` is 5; two equations where they differ by a factor.
    """
    gold, answer = _chains(gold), _chains(answer)
    if isinstance(gold, Relational) and isinstance(answer, Relational):
        return _relations(gold, answer)
    if isinstance(answer, Relational):
        return isinstance(answer, Eq) and not _are_named(gold) and confirmed(gold, answer.rhs)
    if isinstance(gold, Relational):
        names = isinstance(gold, Eq) and bool(gold.lhs.is_Symbol or gold.lhs.is_Function)
        return names and not _are_named(answer) and confirmed(gold.rhs, answer)
    if isinstance(gold, MatrixBase) or isinstance(answer, MatrixBase):
        return _matrices(gold, answer)
    if isinstance(gold, Set | Tuple) or isinstance(answer, Set | Tuple):
        return _collections(gold, answer)
    return isinstance(gold, Basic) and isinstance(answer, Basic) and _values(gold, answer)


def _are_named(collection: Any) -> bool:
    """Whether it lists equations, as x = 1, y = 2."""
    return isinstance(collection, FiniteSet) and any(isinstance(item, Relational) for item in collection.args)


def _chains(expression: Any) -> Any:
    """Read a = b = c as a = c, as Math-Verify does."""
    if isinstance(expression, And) and all(isinstance(part, Eq) for part in expression._unsorted_args):
        parts = expression._unsorted_args
        return Eq(parts[0].lhs, parts[-1].rhs, evaluate=False)
    return expression


def _values(gold: Any, answer: Any) -> bool:
    if same(gold, answer):
        return True
    units = {symbol: I for symbol in gold.free_symbols | answer.free_symbols if symbol.name == "i"}
    if units and same(gold.xreplace(units), answer.xreplace(units)):
        return True  # Math-Verify takes the imaginary unit for a variable
    shares = [_of_hundred(value) for value in (gold, answer)]  # 9 % is 9 where the question asks for per cent
    if (shares[0] is None) != (shares[1] is None):
        return same(shares[0] if shares[0] is not None else gold, shares[1] if shares[1] is not None else answer)
    return False


def _of_hundred(value: Any) -> Any:
    is_share = isinstance(value, Mul) and len(value.args) == 2 and value.args[1] == _HUNDREDTH
    return value.args[0] if is_share else None


def _matrices(gold: Any, answer: Any) -> bool:
    return (
        isinstance(gold, MatrixBase)
        and isinstance(answer, MatrixBase)
        and gold.shape == answer.shape
        and all(_values(one, other) for one, other in zip(gold.flat(), answer.flat(), strict=True))
    )


def _collections(gold: Any, answer: Any) -> bool:
    if isinstance(gold, Interval) and isinstance(answer, Interval):
        ends = (gold.left_open, gold.right_open) == (answer.left_open, answer.right_open)
        return ends and same(gold.start, answer.start) and same(gold.end, answer.end)
    golds, answers = _items(gold), _items(answer)
    if golds is None or answers is None:
        return same_sets(gold, answer)
    if len(golds) != len(answers):
        return False
    named = [any(isinstance(item, Relational) for item in listed) for listed in (golds, answers)]
    if named[0] == named[1] and not isinstance(gold, Interval | Tuple):
        return _matched(golds, list(answers))
    return all(confirmed(one, other) for one, other in zip(golds, answers, strict=True))


def _items(collection: Any) -> Sequence[Any] | None:
    """Return the listed items in the order in which they are written; (1, 2) may be an interval or a pair."""
    if isinstance(collection, FiniteSet):
        return tuple(getattr(collection, "_unsorted_args", collection.args))
    if isinstance(collection, Tuple):
        return tuple(collection.args)
    if isinstance(collection, Interval) and collection.left_open and collection.right_open:
        return collection.start, collection.end
    return None if isinstance(collection, Set) else (collection,)


def _matched(golds: Sequence[Any], answers: list[Any]) -> bool:
    """Whether every gold item has an item of the answer to itself."""
    for gold in golds:
        partner = next((place for place, answer in enumerate(answers) if confirmed(gold, answer)), None)
        if partner is None:
            return False
        del answers[partner]
    return True


def _relations(gold: Relational, answer: Relational) -> bool:
    """Whether two relations hold at the same points: their differences have a constant ratio of the fitting sign."""
    if gold.lhs == answer.lhs and gold.rel_op == answer.rel_op and confirmed(gold.rhs, answer.rhs):
        return True
    try:
        one, other = exact(gold.lhs - gold.rhs), exact(answer.lhs - answer.rhs)
    except TypeError:
        return False
    symbols = sorted(one.free_symbols | other.free_symbols, key=str)
    if not symbols or one.free_symbols != other.free_symbols:
        return False
    ratio = _constant_ratio(one, other, symbols)
    if not ratio:
        return False
    same_way = gold.rel_op in ("==", "!=") or ratio.real > 0
    return bool(gold.rel_op == (answer.rel_op if same_way else _FLIPPED[answer.rel_op]))


def _constant_ratio(one: Any, other: Any, symbols: list[Any]) -> Any:
    """Return the ratio of two expressions if it is the same at every point that is tried; else None."""
    values = [(number(one.xreplace(point)), number(other.xreplace(point))) for point in points(symbols)]
    ratios = [ours / theirs for ours, theirs in values if ours is not None and theirs]
    if len(ratios) < 3 or any(abs(ratio - ratios[0]) > abs(ratios[0]) * 10**-40 for ratio in ratios):
        return None
    return ratios[0]


def same_sets(one: Any, other: Any) -> bool:
    """Whether two sets of real numbers are the same: the same intervals and points."""
    pieces = _pieces(one), _pieces(other)
    if pieces[0] is None or pieces[1] is None:
        return bool(one == other)
    return len(pieces[0]) == len(pieces[1]) and all(
        first[2:] == second[2:] and _same_end(first[0], second[0]) and _same_end(first[1], second[1])
        for first, second in zip(pieces[0], pieces[1], strict=True)
    )


def _same_end(one: Any, other: Any) -> bool:
    return bool(one == other) if oo in (abs(one), abs(other)) else same(one, other)


def _pieces(collection: Any) -> list[tuple[Any, Any, bool, bool]] | None:
    """Return a set as ordered intervals, points as closed ones; None if it is not a union of these."""
    if collection.is_empty:
        return []
    parts = collection.args if collection.is_Union else (collection,)
    pieces: list[tuple[Any, Any, bool, bool]] = []
    for part in parts:
        if isinstance(part, Interval):
            pieces.append((part.start, part.end, bool(part.left_open), bool(part.right_open)))
        elif isinstance(part, FiniteSet):
            pieces += [(value, value, False, False) for value in part.args]
        else:
            return None
    if any(piece[0].free_symbols or piece[1].free_symbols for piece in pieces):
        return None
    return sorted(pieces, key=lambda piece: float(piece[0]))
