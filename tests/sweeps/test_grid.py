"""The grid of a sweep: values as people write them, cells and their folders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from infogap.errors import InputError
from infogap.recipe import Recipe, recipe_from_dict
from infogap.sweeps.grid import grid, largest_first, parse_settings, refuse_equal_recipes, settings_of


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("100,500", ["100", "500"]),
        (" 100 , 500 ", ["100", "500"]),
        ("[a, b],[a]", ["[a, b]", "[a]"]),
        ("{correct: 0.5, wrong: 0.5},uniform", ["{correct: 0.5, wrong: 0.5}", "uniform"]),
        ("[{hint: {k: 1, by: [x, y]}}, answer]", ["[{hint: {k: 1, by: [x, y]}}, answer]"]),
        ("'a, b',c", ["'a, b'", "c"]),
        (r'"a\", b",c', [r'"a\", b"', "c"]),
        ("words IN (1, 2),words = 'a,b'", ["words IN (1, 2)", "words = 'a,b'"]),
        ("don't guess,guess", ["don't guess", "guess"]),
        ("a=b,c=d", ["a=b", "c=d"]),
    ],
)
def test_commas_separate_values_outside_brackets_and_quotes(text: str, values: list[str]) -> None:
    assert parse_settings([f"a.key={text}"]) == {"a.key": values}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["balance.size"], "write it as key=value,value"),
        (["=1,2"], "write it as key=value,value"),
        (["balance.size=100,"], "a value is empty; write null for none"),
        (["balance.size="], "a value is empty"),
        (["a=[1,2"], r"'\]' is missing at the end of a value"),
        (["a=1", "a=2"], "a is set twice; write its values in one"),
    ],
)
def test_options_that_are_written_otherwise_are_refused(options: list[str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        parse_settings(options)


def test_a_grid_has_a_cell_for_every_combination() -> None:
    cells = grid({"balance.size": ["100", "500"], "seed": ["3"], "generate.samples": ["4", "8"]})
    assert [cell.overrides for cell in cells] == [
        ["balance.size=100", "seed=3", "generate.samples=4"],
        ["balance.size=100", "seed=3", "generate.samples=8"],
        ["balance.size=500", "seed=3", "generate.samples=4"],
        ["balance.size=500", "seed=3", "generate.samples=8"],
    ]
    assert cells[1].values == {"balance.size": "100", "generate.samples": "8"}
    assert cells[1].name == "balance.size-100_generate.samples-8"
    assert cells[1].title == "balance.size=100, generate.samples=8"


@pytest.mark.parametrize("settings", [{}, {"seed": ["1"]}])
def test_a_grid_of_one_recipe_is_no_sweep(settings: dict[str, list[str]]) -> None:
    with pytest.raises(InputError, match="a sweep needs a setting with several values"):
        grid(settings)


_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=300)


@given(st.lists(st.lists(_TEXT, min_size=2, max_size=3, unique=True), min_size=1, max_size=3))
def test_names_tell_cells_apart_and_are_folders(values: list[list[str]]) -> None:
    names = [cell.name for cell in grid({f"a.key{index}": listed for index, listed in enumerate(values)})]
    assert len(set(names)) == len(names)
    for name in names:
        assert 0 < len(name.encode()) <= 200
        assert not set(name) & set("/\\ '\"*?[]{}$&;|<>=,") and not name.startswith((".", "-"))


_VALUE = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(codec="utf-8"), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)


@given(_VALUE)
def test_a_python_value_reaches_the_recipe_as_it_is(value: Any) -> None:
    (text,) = settings_of({"a": [value]})["a"]
    assert YAML(typ="safe", pure=True).load(text) == value
    assert isinstance(value, bool) == isinstance(YAML(typ="safe", pure=True).load(text), bool)


def test_what_no_recipe_can_hold_is_refused() -> None:
    with pytest.raises(InputError, match="a: the list has no values"):
        settings_of({"a": []})
    with pytest.raises(InputError, match="cannot be written in a recipe"):
        settings_of({"a": [object()]})
    assert settings_of({"a": "b", "c": 1, "d": ("1", 2)}) == {"a": ["b"], "c": ["1"], "d": ['"1"', "2"]}


def recipe(**more: Any) -> Recipe:
    written = {
        "name": "demo",
        "tasks": [{"from": "reasoning_gym", "names": ["gcd"], "count": 2}],
        "teacher": {"backend": "embedded"},
        "generate": {"samples": 2, "privileges": ["unguided"]},
    }
    return recipe_from_dict(written | more, Path()).recipe


def test_equal_recipes_are_refused() -> None:
    cells = grid({"seed": ["0", "0x0"]})
    with pytest.raises(InputError, match="seed=0 and seed=0x0 are the same recipe"):
        refuse_equal_recipes(cells, [recipe(seed=0), recipe()])
    refuse_equal_recipes(cells, [recipe(seed=0), recipe(seed=1)])


def test_the_cell_with_most_requests_comes_first() -> None:
    few = recipe()
    more_samples = recipe(generate={"samples": 4, "privileges": ["unguided"]})
    more_privileges = recipe(generate={"samples": 4, "privileges": ["unguided", "answer"]})
    more_tasks = recipe(tasks=[{"from": "reasoning_gym", "names": ["gcd", "chain_sum"], "count": 2}])
    no_limit = recipe(tasks=[{"from": "tasks.jsonl"}])
    assert largest_first([few, more_tasks, more_samples, no_limit, more_privileges, few]) == [3, 1, 4, 2, 0, 5]
