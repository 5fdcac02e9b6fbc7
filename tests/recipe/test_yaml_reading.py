"""YAML of unknown origin: read as before, with lines, and refused where it would not end well."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from infogap.errors import InputError
from infogap.recipe import load_recipe, resolved, yaml_text
from infogap.recipe.yaml_reading import UnreadableYamlError, read_plain

ROOT = Path(__file__).parents[2]
FILES = [*ROOT.glob("recipes/*.yaml"), *(ROOT / "src" / "infogap" / "rows" / "formats").glob("*.yaml")]
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(), st.text())
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(), inner, max_size=4)),
    max_leaves=12,
)
BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10)
)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_the_files_that_ship_are_read_as_ruamel_reads_them(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert read_plain(text)[0] == YAML(typ="safe", pure=True).load(text)


@given(value=st.dictionaries(st.text(), VALUES, max_size=4))
def test_what_is_written_is_read_back(value: dict[str, Any]) -> None:
    assert repr(read_plain(yaml_text(value))[0]) == repr(value)


def test_every_key_and_item_has_its_line() -> None:
    text = "a:\n  - x\n  - {b: 1}\nc: &c\n  d: 2\ne: *c\nf:\n  <<: *c\n  g: 3\n"
    values, lines = read_plain(text)
    assert values == {"a": ["x", {"b": 1}], "c": {"d": 2}, "e": {"d": 2}, "f": {"g": 3, "d": 2}}
    expected: dict[tuple[str | int, ...], int] = {
        **{(): 1, ("a",): 1, ("a", 0): 2, ("a", 1): 3, ("a", 1, "b"): 3, ("c",): 4, ("c", "d"): 5, ("e",): 6},
        **{("e", "d"): 5, ("f",): 7, ("f", "g"): 9, ("f", "d"): 8},
    }
    assert lines == expected


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"),
        ("0o17", 15),
        ("017", 17),
        ("1_000", 1000),
        ("1e3", 1000.0),
        ("2026-01-01", "2026-01-01"),
        ("'5'", "5"),
        ("!!str 5", "5"),
        ("[grading:check, a::b]", ["grading:check", "a::b"]),
        ("", None),
        ("-9223372036854775808", -(2**63)),
    ],
)
def test_scalars_are_those_of_yaml_1_2(text: str, value: object) -> None:
    assert read_plain(text)[0] == value


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (BOMB, 6, "more than 250,000 values, aliases filled in"),
        ("a: &a\n  b: *a\n", 2, "&a contains itself"),
        ("&a [*a]", 1, "&a contains itself"),
        ("a: 1\nb: *c\n", 2, "no anchor &c before this"),
        ("a:\n" + "[" * 300, 2, "nested more than 50 levels deep"),
        ("".join(f"{' ' * depth}a:\n" for depth in range(2_000)), 51, "nested more than 50 levels deep"),
        ("a: !!python/object/apply:os.system [x]", 1, "the tag !!python/object/apply:os.system is not read"),
        ("a: !secret x", 1, "the tag !secret is not read"),
        ("a: " + "9" * 5_000, 1, "a number of 5,000 characters is too large"),
        ("a: 9223372036854775808", 1, "at most 64 bits"),
        ("a: !!int x", 1, "x is not a whole number"),
        ('a: "\\ud800"', 1, "half a surrogate pair"),
        ("? [a]\n: 1", 1, "a key has to be text, found a list"),
        ("a: 1\nnull: 1", 2, "a key has to be text, found nothing"),
        ("a: {1.5: 1}", 1, "a key has to be text, found 1.5"),
        ("a: 1\nb: 2\na: 3", 3, "the key a stands here twice"),
        ("a: 1\n---\nb: 2", 2, "a second document begins here"),
        ("a: {<<: 3}", 1, "`<<` takes a mapping"),
        ("a: [1", 1, "not valid YAML"),
        ("a: \x00", None, "not valid YAML"),
        ("a: \ud800", None, "not valid YAML"),
        ("x" * (5 << 20), None, "more than 4,194,304 characters"),
    ],
)
def test_what_is_not_read(text: str, line: int | None, message: str) -> None:
    began = time.process_time()
    with pytest.raises(UnreadableYamlError, match=message) as refused:
        read_plain(text)
    assert refused.value.line == line
    assert time.process_time() - began < 5


def test_of_very_many_problems_the_first_are_told_and_the_others_counted(tmp_path: Path) -> None:
    file = tmp_path / "long.yaml"
    items = ", ".join(["1"] * 100_000)
    others = "teacher: {backend: embedded}\ngenerate: {privileges: [unguided]}\n"
    file.write_text(f"name: x\ntasks: [{items}]\n{others}")
    began = time.process_time()
    with pytest.raises(InputError) as refused:
        load_recipe(file)
    lines = str(refused.value).splitlines()
    assert len(lines) == 51 and lines[-1] == f"{file}:2: tasks[50]: from here on, 99,950 more problems"
    assert time.process_time() - began < 20


def test_many_unknown_keys_and_many_equal_names_end_soon(tmp_path: Path) -> None:
    file = tmp_path / "many.yaml"
    keys = "".join(f"key{number}: 1\n" for number in range(50_000))
    file.write_text(f"{keys}publish: {{configs: [{', '.join(['sft'] * 50_000)}]}}\n")
    began = time.process_time()
    with pytest.raises(InputError, match="more problems"):
        load_recipe(file)
    assert time.process_time() - began < 20


@pytest.mark.parametrize("path", ["~nobody-of-this-name/x", "a" * 300, "a\x00b", "/".join(["a"] * 3_000)])
def test_a_path_that_no_file_can_have_is_wrong_input(path: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r".{10,150}"):
        resolved(tmp_path, path)
