"""Column paths reach the same value through objects, lists and JSON text."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infogap.tasks.columns import MISSING, as_text, missing_column, reach, touches

_KEYS = st.text("abc_", min_size=1, max_size=3)
_LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)


@st.composite
def nested(draw: st.DrawFn) -> tuple[dict[str, Any], str, Any]:
    """A row, a path into it, and the value there; levels on the way are JSON text as chance has it."""
    leaf = draw(_LEAVES)
    path = ""
    value: Any = leaf
    for depth in range(draw(st.integers(1, 5))):
        if depth and draw(st.booleans()):
            value = json.dumps(value)
        if draw(st.booleans()):
            index = draw(st.integers(0, 2))
            items: list[Any] = [None] * index + [value]
            path, value = f"[{index}]{_joined(path)}", items
        else:
            key = draw(_KEYS)
            path, value = f"{key}{_joined(path)}", {key: value, "other": 1}
    column = draw(_KEYS)
    return {column: json.dumps(value) if draw(st.booleans()) else value, "more": 2}, f"{column}{_joined(path)}", leaf


def _joined(path: str) -> str:
    return path if not path or path.startswith("[") else f".{path}"


@given(nested())
def test_a_path_reaches_its_value_through_objects_lists_and_json_text(made: tuple[dict[str, Any], str, Any]) -> None:
    row, path, leaf = made
    found = reach(row, path)
    assert found == leaf
    assert type(found) is type(leaf)


@given(nested())
def test_a_path_touches_its_own_column_only(made: tuple[dict[str, Any], str, Any]) -> None:
    row, path, _ = made
    column = next(iter(row))
    assert touches(path, column)
    assert not touches(path, column + "x")


@pytest.mark.parametrize(
    ("row", "path", "value"),
    [
        ({"a.b": 1, "a": {"b": 2}}, "a.b", 1),  # the column of that name wins
        ({"a.b": {"c": 1}}, "a.b.c", 1),
        ({"a": {"b.c": [3]}}, "a.b.c[0]", 3),
        ({"a[0]": 1, "a": [2]}, "a[0]", 1),
        ({"a": None}, "a", None),
        ({"a": None}, "a.b", MISSING),
        ({"a": {"b": None}}, "a.b", None),
        ({"a": [1]}, "a[1]", MISSING),
        ({"a": [1]}, "a[-1]", MISSING),
        ({"a": [1]}, "a[", MISSING),
        ({"a": "{not json"}, "a.b", MISSING),
        ({"a": "[" * 100_000}, "a.b", MISSING),
        ({"a": '{"b": 123456789012345678901234567890}'}, "a.b", 123456789012345678901234567890),
    ],
)
def test_what_a_path_finds(row: dict[str, Any], path: str, value: Any) -> None:
    assert reach(row, path) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (27, "27"),
        (27.0, "27"),
        (0.1, "0.1"),
        (True, "true"),
        ([1, "ö"], '[1, "ö"]'),
        ({"a": 1}, '{"a": 1}'),
        ("  x ", "x"),
        ("  ", None),
        (None, None),
        (MISSING, None),
        (float("nan"), None),
        (Decimal("2.50"), "2.5"),
        (1e-05, "0.00001"),
        (6.02e23, "602000000000000000000000"),
        (-0.0, "0"),
        ("half \ud83d a pair", "half ? a pair"),
        (["\ud83d"], '["?"]'),
    ],
)
def test_values_as_text(value: Any, text: str | None) -> None:
    assert as_text(value) == text


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("quesion", "no row has 'quesion' (did you mean 'question'?); its columns are question, info, chat"),
        ("info.solutoin", "(did you mean 'info.solution'?); 'info' has the keys solution, level"),
        ("chat.content", "'chat' is a list: write 'chat[0]' for its first item of 1"),
        ("question.text", "'question' is text, and not JSON"),
    ],
)
def test_a_path_that_leads_nowhere_names_what_there_is(path: str, expected: str) -> None:
    row = {"question": "q", "info": '{"solution": "s", "level": 1}', "chat": [{"content": "q"}]}
    message = str(missing_column("rows.jsonl", path, [row]))
    assert message.startswith("rows.jsonl: ")
    assert expected in message
