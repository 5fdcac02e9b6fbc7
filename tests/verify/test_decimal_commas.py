"""Numbers that are equal only with a decimal comma: which way they are meant is not known."""

from __future__ import annotations

import pytest

from infogap.verify.base import Item
from infogap.verify.reading.decimal_commas import with_decimal_comma
from infogap.verify.verifiers import grade

_FRENCH = "Combien de litres faut-il ?"
_ENGLISH = "How many litres does it take?"


@pytest.mark.parametrize("verifier", ["math", "numeric"])
@pytest.mark.parametrize(
    ("gold", "answer"),
    [
        ("1234", "1.234"),
        ("2.5", "2,5"),
        ("1234.5", "1.234,5"),
        ("1234", "1.234 €"),
        ("12.345", "12345"),
        ("18.5", "€18,50"),
        ("12.5", "12,500"),
    ],
)
def test_a_number_that_may_have_a_decimal_comma_is_not_called_wrong(verifier: str, gold: str, answer: str) -> None:
    assert grade(Item(verifier, _FRENCH, gold, None, answer)).verdict == "ungradable"
    assert grade(Item(verifier, _ENGLISH, gold, None, answer)).verdict == "wrong"


@pytest.mark.parametrize(("gold", "answer"), [("1234", "1,234"), ("1234", "1 234"), ("2.5", "2.50")])
def test_what_is_equal_with_a_point_is_correct(gold: str, answer: str) -> None:
    assert grade(Item("math", _FRENCH, gold, None, answer)).verdict == "correct"


@pytest.mark.parametrize(
    ("gold", "answer"),
    [
        ("2.5", "2,6"),
        ("5", "2,5"),
        ("12", "1.2"),
        ("1/2,5", "2.5"),
        ("1, 2", "1.2"),
        ("2,5", "2,5"),
        ("0.333", ".333..."),
    ],
)
def test_other_numbers_are_no_such_case(gold: str, answer: str) -> None:
    assert not with_decimal_comma(answer, gold, _FRENCH)
