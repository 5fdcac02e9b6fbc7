r"""Read conditions on a variable as sets: `x < -1 or x > 3` is `x \in (-\infty,-1)\cup(3,\infty)`."""

from __future__ import annotations

import re
from typing import Any

from sympy import FiniteSet, Intersection, Interval, S, Set, Symbol, Union, oo

from infogap.verify.exact_equality import exact
from infogap.verify.math_verify_patch import expressions
from infogap.verify.reading.answer_reader import Condition, Maths

_OPERATOR = re.compile(r"(<|>|=|\\(?:le|ge|ne|in|notin)(?![a-zA-Z]))")
_VARIABLE = re.compile(r"[A-Za-z]|\\(?:theta|alpha|beta|lambda|mu|phi|omega)")
_MIRRORED = {"<": ">", ">": "<", r"\le": r"\ge", r"\ge": r"\le", "=": "=", r"\ne": r"\ne"}
_DISTANCE = re.compile(
    rf"\|\s*(?P<variable>{_VARIABLE.pattern})\s*(?P<shift>[+-][^|]*)?\|\s*(?P<operator><|>|\\(?:le|ge)(?![a-z]))"
    r"(?P<reach>[^|]*)"
)
_BOUNDS = re.compile(r"[^\[\](){},]*(?:[<>]|\\[lg]e )[^\[\](){},]*(?:,[^\[\](){},]*(?:[<>]|\\[lg]e )[^\[\](){},]*)+")
_BY_COMMA = re.compile(r"^[^\[\](){}]*,")


def as_set(form: Condition | Maths) -> tuple[str, Set] | None:
    """Return the variable of a condition ('' for a bare set) and the set that it describes.

    None where it is not a condition on one variable with numbers as bounds.
    """
    alternatives = form.alternatives if isinstance(form, Condition) else ((form.latex,),)
    variables: set[str] = set()
    union: Set = S.EmptySet
    for parts in alternatives:
        both: Set = S.Reals
        listed = [piece for part in parts for piece in (part.split(",") if _BOUNDS.fullmatch(part) else [part])]
        for part in listed:
            condition = _simple(part.strip())
            if condition is None:
                return None
            variables.add(condition[0])
            both = Intersection(both, condition[1]) if condition[1] != S.Complexes else both
        if len(listed) > len(parts) and both.is_empty:
            return None  # "x < 1, x > 3" may have been meant as one or the other
        union = Union(union, both)
    variables -= {""}
    return (variables.pop() if variables else "", union) if len(variables) <= 1 else None


def _simple(text: str) -> tuple[str, Set] | None:
    """Return the set of one comparison, of a chain (`-1 < x \\le 3`), or a bare set; None for a list of several."""
    if _BY_COMMA.match(text):
        return None
    pieces = [piece.strip() for piece in _OPERATOR.split(text)]
    sides, operators = pieces[::2], pieces[1::2]
    if not operators:
        numbers = _set(text)
        return None if numbers is None else ("", numbers)
    if operators[0] in (r"\in", r"\notin"):
        return _membership(sides, operators)
    distance = _DISTANCE.fullmatch(text)
    return _within(distance) if distance else _bounded(sides, operators)


def _bounded(sides: list[str], operators: list[str]) -> tuple[str, Set] | None:
    """Return the numbers between, above or below one or two bounds."""
    places = [place for place, side in enumerate(sides) if _VARIABLE.fullmatch(side) and side not in ("e", "i")]
    if len(places) != 1 or len(operators) > 2 or (len(operators) == 2 and places[0] != 1):
        return None
    whole: Set = S.Reals
    for place, operator in enumerate(operators):
        left = places[0] == place
        bound = _number(sides[place + 1] if left else sides[place])
        if bound is None or operator not in _MIRRORED:
            return None
        whole = Intersection(whole, _half_line(operator if left else _MIRRORED[operator], bound))
    return sides[places[0]], whole


def _within(distance: re.Match[str]) -> tuple[str, Set] | None:
    r"""Return the numbers within a distance: `|x - 3| < 2` as those from 1 to 5."""
    middle = _number(f"0{distance['shift'] or ''}")
    reach = _number(distance["reach"])
    if middle is None or reach is None or distance["variable"] in ("e", "i") or reach.is_infinite:
        return None
    low, high = -middle - reach, -middle + reach
    if reach < 0:
        inside: Set = S.EmptySet
    else:
        inside = Interval.open(low, high) if distance["operator"] in ("<", r"\ge") else Interval(low, high)
    return distance["variable"], inside if distance["operator"] in ("<", r"\le") else S.Reals - inside


def _membership(sides: list[str], operators: list[str]) -> tuple[str, Set] | None:
    numbers = _set(sides[1]) if len(operators) == 1 and _VARIABLE.fullmatch(sides[0]) else None
    if numbers is None:
        return None
    return sides[0], numbers if operators[0] == r"\in" else S.Reals - numbers


def _half_line(operator: str, bound: Any) -> Set:
    match operator:
        case "<":
            return Interval.open(-oo, bound)
        case ">":
            return Interval.open(bound, oo)
        case r"\le":
            return Interval(-oo, bound)
        case r"\ge":
            return Interval(bound, oo)
        case "=":
            return FiniteSet(bound)
    return S.Reals - FiniteSet(bound)


def _number(text: str) -> Any:
    """Read a real number, or an infinity; None for anything else."""
    parsed = expressions(text)
    if len(parsed) != 1 or isinstance(parsed[0], Set) or not hasattr(parsed[0], "free_symbols"):
        return None
    value = exact(parsed[0])
    return value if not value.free_symbols and value.is_extended_real else None


def _set(text: str) -> Set | None:
    """Read a set of real numbers with Math-Verify and evaluate its bounds; None for a bare number."""
    parsed = expressions(text.replace(r"\bigcup", r"\cup"))
    if len(parsed) != 1 or not isinstance(parsed[0], Set):
        return None
    collection: Any = parsed[0]
    if isinstance(collection, FiniteSet):
        collection = FiniteSet(*collection.args)
    collection = exact(collection)
    return collection if isinstance(collection, Set) and not collection.has(Symbol) else None
