"""Values that cross from process to process stay what they are, or are not sent."""

from __future__ import annotations

import json
import math
from collections import Counter, OrderedDict, deque, namedtuple
from decimal import Decimal
from enum import IntEnum
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infogap.verify.programs.sandboxed.plain_values import UnsendableError, decode, encode

_KEYS = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.fractions()
_PLAIN = (
    _KEYS
    | st.floats(allow_nan=False)
    | st.binary(max_size=5)
    | st.decimals(allow_nan=False)
    | st.complex_numbers(allow_nan=False)
)
_VALUES = st.recursive(
    _PLAIN,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(_KEYS, inner, max_size=4)
        | st.sets(_KEYS, max_size=4)
        | st.frozensets(_KEYS, max_size=4)
        | st.lists(inner, max_size=4).map(deque)
    ),
    max_leaves=12,
)


def _refuse(value: Any) -> Any:
    raise UnsendableError(type(value).__name__)


def crossed(value: Any) -> Any:
    return decode(json.loads(json.dumps(encode(value, _refuse))), _refuse)


@given(_VALUES)
def test_plain_data_arrives_as_it_was(value: Any) -> None:
    back = crossed(value)
    assert back == value
    assert type(back) is type(value)


class _Colour(IntEnum):
    RED = 1


class _Lying(list[int]):
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None


_Point = namedtuple("_Point", "x y")


@pytest.mark.parametrize(
    ("value", "base"),
    [
        (_Point(1, 2), (1, 2)),
        (Counter("aab"), {"a": 2, "b": 1}),
        (OrderedDict(a=1), {"a": 1}),
        (_Colour.RED, 1),
        (_Lying([1]), [1]),
        (range(3), range(3)),
        pytest.param(10**5000, 10**5000, id="a long number"),
        (float("inf"), math.inf),
        (bytearray(b"x"), bytearray(b"x")),
        (Fraction(1, 3), Fraction(1, 3)),
        (Decimal("1.10"), Decimal("1.10")),
        ("\ud800", "\ud800"),
    ],
)
def test_subclasses_become_their_base_types(value: Any, base: Any) -> None:
    back = crossed(value)
    assert type(back) is type(base)
    assert base == back


def test_what_is_no_data_is_sent_by_reference_or_not_at_all() -> None:
    with pytest.raises(UnsendableError, match="object"):
        crossed([object()])
    assert encode([object()], lambda _: {"reference": [0, "object"]}) == [{"reference": [0, "object"]}]
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(UnsendableError, match="100 nested"):
        encode(endless, _refuse)


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"a": 1, "b": 2},
        {"dict": 1},
        {"dict": [[[], 1]]},
        {"set": [[1]]},
        {"int": "z"},
        {"bytes": "q"},
        {"range": []},
    ],
)
def test_forged_data_is_refused(data: Any) -> None:
    with pytest.raises(UnsendableError):
        decode(data, _refuse)


def test_decoding_is_bounded() -> None:
    data: Any = 1
    for _ in range(5_000):
        data = [data]
    with pytest.raises(UnsendableError):
        decode(data, _refuse)
