"""Column paths reach the same value through objects, lists and JSON text."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infogap.rows.column_paths import MISSING, as_text, is_template, missing_column, reach, touches, value_of
from infogap.rows.column_templates import TemplateFailedError, rendered, template_problem

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
        ({"a": [1, 2]}, "a[-1]", 2),
        ({"a": [1]}, "a[-2]", MISSING),
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
        ("chat.content", "'chat' is a list: write 'chat[0].content', the only item of each"),
        ("question.text", "'question' is text, and not JSON"),
    ],
)
def test_a_path_that_leads_nowhere_names_what_there_is(path: str, expected: str) -> None:
    row = {"question": "q", "info": '{"solution": "s", "level": 1}', "chat": [{"content": "q"}]}
    message = str(missing_column("rows.jsonl", path, [row]))
    assert message.startswith("rows.jsonl: ")
    assert expected in message


_ITEMS = st.lists(st.dictionaries(st.sampled_from(["text", "end"]), st.integers(), max_size=2), max_size=4)


@given(_ITEMS, st.booleans())
def test_every_item_gives_a_value_in_the_order_of_items(items: list[dict[str, int]], as_json: bool) -> None:
    row = {"s": json.dumps(items) if as_json else items}
    found = reach(row, "s[*].text")
    if items and not any("text" in item for item in items):
        assert found is MISSING
    else:
        assert found == [item.get("text") for item in items]


@given(st.lists(st.lists(st.integers(), max_size=3), max_size=4))
def test_lists_of_several_stars_are_joined(lists: list[list[int]]) -> None:
    row = {"a": [{"b": [{"c": value} for value in values]} for values in lists]}
    assert reach(row, "a[*].b[*].c") == [value for values in lists for value in values]


@given(st.lists(st.integers(), min_size=1, max_size=5), st.data())
def test_negative_indexes_count_from_the_end(values: list[int], data: st.DataObject) -> None:
    index = data.draw(st.integers(-len(values), len(values) - 1))
    assert reach({"a": [{"b": value} for value in values]}, f"a[{index}].b") == values[index]
    assert reach({"a": values}, f"a[{-len(values) - 1}]") is MISSING


@pytest.mark.parametrize(
    ("row", "path", "value"),
    [
        ({"a": []}, "a[*].b", []),
        ({"a": None}, "a[*].b", MISSING),
        ({"a": ["x", "y"]}, "a[*]", ["x", "y"]),
        ({"a": [["x"], ["y"]]}, "a[*]", [["x"], ["y"]]),
        ({"a": [["x"], ["y"]]}, "a[*][0]", ["x", "y"]),
        ({"a": [{"b": ["x", "y"]}, {}]}, "a[*].b", [["x", "y"], None]),
        ({"a[*]": 1, "a": [2]}, "a[*]", 1),  # the column of that name wins
        ({"a": {"x": 1}}, "a[*]", MISSING),
    ],
)
def test_what_a_star_finds(row: dict[str, Any], path: str, value: Any) -> None:
    assert reach(row, path) == value


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_written_without_loss(number: float) -> None:
    written = as_text(number)
    assert written is not None
    assert float(written) == number
    assert not written.endswith(".0")


def test_a_list_says_how_many_items_its_first_would_lose() -> None:
    rows: list[dict[str, Any]] = [
        {"s": [{"text": "a"}, {"text": "b"}, {"text": "c"}]},
        {"s": []},
        {"s": [{"text": "d"}]},
    ]
    message = str(missing_column("rows.jsonl", "s.text", rows))
    assert "'s' is a list: write 's[*].text' for every item, each a sample; 's[0].text' would lose 2 of 4" in message
    inside = str(missing_column("rows.jsonl", "s[*].txt", rows))
    assert "(did you mean 's[*].text'?); 's[*]' has the keys text" in inside
    assert "'s' is a list, and no row has so many items" in str(missing_column("rows.jsonl", "s[7].text", rows))


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
    problem = "the template names no column; write a constant, such as `family: AMC`, beside `from`"
    assert template_problem("{{ 'text' }}") == problem
    assert template_problem("{{ a }}") is None
