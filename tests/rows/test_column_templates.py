"""Templates over columns print what is there, and never what is not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infogap.rows.column_paths import MISSING, as_text
from infogap.rows.column_templates import TemplateFailedError, is_template, rendered, template_problem, value_of

_VALUES = st.text() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.booleans()


@given(_VALUES, _VALUES)
def test_values_are_printed_as_the_tables_keep_them(one: Any, other: Any) -> None:
    text = rendered({"a": one, "b": other}, "<{{ a }}|{{ row['b'] }}>")
    written = [value if isinstance(value, str) else as_text(value) for value in (one, other)]
    assert text == f"<{written[0]}|{written[1]}>".removesuffix("\n")


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ body }}\n{{ question }}", "Two pens.\nHow many?"),
        ("{{ question }}{% if hint %} ({{ hint }}){% endif %}", "How many?"),
        ("{{ question }}{% if none %} ({{ none }}){% endif %}", "How many?"),
        ("{{ count }} and {{ half }}", "2 and 0.5"),
        ("{% for o in options %}{{ loop.index }}. {{ o }} {% endfor %}", "1. one 2. two "),
        ('{{ row["a b"] }}', "spaced"),
    ],
)
def test_what_a_template_gives(template: str, text: str) -> None:
    row = {"body": "Two pens.", "question": "How many?", "none": None, "count": 2.0, "half": 0.5}
    assert rendered(row | {"options": ["one", "two"], "a b": "spaced"}, template) == text


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("{{ body }} {{ question }}", "'body' is undefined"),
        ("{{ none }} {{ question }}", "null"),
        ("{{ 1 // 0 }}", "by zero"),
        ("{{ question.__class__ }}", "unsafe"),
        ("{{ options.append(1) }}", "unsafe"),
    ],
)
def test_what_is_not_there_is_not_printed(template: str, why: str) -> None:
    row: dict[str, Any] = {"question": "How many?", "none": None, "options": []}
    with pytest.raises(TemplateFailedError, match=why):
        rendered(row, template)
    assert value_of(row, template) is MISSING


def test_templates_are_told_from_paths() -> None:
    assert [is_template(column) for column in ("{{ a }}", "{% if a %}x{% endif %}", "a.b[0]", "{a}")] == [
        *(True, True),
        *(False, False),
    ]
    assert template_problem("{{ a }") is not None
    assert template_problem("{{ 'text' }}") == "the template names no column"
    assert template_problem("{{ a }}") is None
