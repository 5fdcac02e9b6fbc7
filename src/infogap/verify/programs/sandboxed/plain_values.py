"""Send values between processes as JSON: plain data by value, everything else by reference.

A program's process cannot be trusted, so a value that comes from it is built again here from known types: no method of
the program runs when it is compared. Subclasses become their base types (a named tuple is a tuple).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

MOST_LEVELS = 100
"""Of nested containers; more are not sent."""

_LONG = 4_096  # bits: decimal digits of longer numbers take time that grows with their square

Encode = Callable[[Any], Any]


class UnsendableError(Exception):
    """A value that is nested too deeply, or that is no data and has no reference either."""


def _whole(value: Any) -> Any:
    number = int.__index__(value)
    return number if number.bit_length() < _LONG else {"int": hex(number)}


def _real(value: Any) -> Any:
    number = float.__float__(value)
    return number if math.isfinite(number) else {"float": repr(number)}


# How the first type that a value is an instance of is written: simple values as they are, others as {name: content}.
_SIMPLE: dict[type, Encode] = {
    type(None): lambda value: value,
    bool: lambda value: value,
    str: str.__str__,
    int: _whole,
    float: _real,
    bytes: lambda value: {"bytes": bytes(value).hex()},
    bytearray: lambda value: {"bytearray": bytes(value).hex()},
    range: lambda value: {"range": [value.start, value.stop, value.step]},
    complex: lambda value: {"complex": str(value)},
    Fraction: lambda value: {"Fraction": str(value)},
    Decimal: lambda value: {"Decimal": str(value)},
}
_CONTAINERS: dict[str, Callable[[list[Any]], Any]] = {
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
    "deque": deque,
}
_READERS: dict[str, Callable[[Any], Any]] = {
    "bytes": bytes.fromhex,
    "bytearray": bytearray.fromhex,
    "int": lambda text: int(text, 16),
    "float": float,
    "complex": complex,
    "Fraction": Fraction,
    "Decimal": Decimal,
    "range": lambda bounds: range(*bounds),
}


def encode(value: Any, reference: Encode, level: int = 0) -> Any:
    """Return a value as JSON has it; `reference` encodes what is not plain data. Raises UnsendableError."""
    for kind, write in _SIMPLE.items():
        if isinstance(value, kind):
            return write(value)
    if level > MOST_LEVELS:
        raise UnsendableError(f"more than {MOST_LEVELS} nested containers")

    def inner(each: Any) -> Any:
        return encode(each, reference, level + 1)

    if isinstance(value, list):
        return [inner(each) for each in list.__iter__(value)]
    if isinstance(value, dict):
        return {"dict": [[inner(key), inner(each)] for key, each in dict.items(value)]}
    for name, kind in (("tuple", tuple), ("set", set), ("frozenset", frozenset), ("deque", deque)):
        if isinstance(value, kind):
            return {name: [inner(each) for each in value]}
    return reference(value)


def decode(data: Any, reference: Callable[[Any], Any]) -> Any:
    """Return the value of what `encode` made; `reference` finds what was sent by reference.

    Raises UnsendableError if the data is not of this form.
    """
    try:
        return _decoded(data, reference)
    except (TypeError, ValueError, ArithmeticError, LookupError, RecursionError) as error:
        raise UnsendableError(f"unreadable data ({type(error).__name__})") from error


def _decoded(data: Any, reference: Callable[[Any], Any]) -> Any:
    if isinstance(data, list):
        return [_decoded(each, reference) for each in data]
    if not isinstance(data, dict):
        return data
    ((kind, content),) = data.items()
    if kind == "dict":
        return {_decoded(key, reference): _decoded(value, reference) for key, value in content}
    if kind in _CONTAINERS:
        return _CONTAINERS[kind]([_decoded(each, reference) for each in content])
    return _READERS[kind](content) if kind in _READERS else reference(content)
