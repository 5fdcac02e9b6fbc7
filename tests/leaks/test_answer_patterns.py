"""Answers of digits are found without an expression of their own, and as one would find them."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from infogap.leaks.answer_patterns import WholeNumber

_TEXT = st.text(st.sampled_from("0112 .,/^\\\\_aKſK İ答\n"), max_size=14)


@given(_TEXT, st.text("012", min_size=1, max_size=3), st.integers(0, 14), st.integers(0, 14))
def test_a_whole_number_is_found_where_its_expression_matches(text: str, digits: str, start: int, end: int) -> None:
    expression = re.compile(rf"(?<![A-Za-z0-9_.\\/^])(?:{digits})(?![A-Za-z0-9_]|[.,]\d|\s?[/^]\s?\d)", re.IGNORECASE)
    number = WholeNumber(digits)
    for bounds in ((), (start,), (start, end)):
        expected = [match.span() for match in expression.finditer(text, *bounds)]
        assert [match.span() for match in number.finditer(text, *bounds)] == expected
        first = number.search(text, *bounds)
        assert (first and first.span()) == (expected[0] if expected else None)
    assert bool(number.fullmatch(text)) == bool(expression.fullmatch(text))
    assert number.fullmatch(digits)
