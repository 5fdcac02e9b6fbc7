"""Recipes of any kind: every one is checked or refused, with the exit code that the documentation promises, and soon.

Seven hundred examples in the gate, and others in the tests of rows. More on demand:
INFOGAP_FUZZ=20000 pytest tests/test_fuzz_recipes.py
"""

from __future__ import annotations

import json
import os
import re
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from infogap.cli import command_line
from infogap.errors import InputError
from infogap.recipe import Origin, RecipeText, recipe_from_text, yaml_text
from infogap.recipe.yaml_reading import UnreadableYamlError, read_plain

EXAMPLES = int(os.environ.get("INFOGAP_FUZZ", "1000"))
MOST_SECONDS = 10.0  # of the processor, for one recipe
SHIPPED = sorted((Path(__file__).parents[1] / "recipes").glob("*.yaml"))
RECIPES: list[dict[str, Any]] = [read_plain(file.read_text(encoding="utf-8"))[0] for file in SHIPPED]
TEXTS = [file.read_text(encoding="utf-8") for file in SHIPPED]
PROMISED = (0, 2, 3)  # valid, wrong, or a folder or service that cannot be read

WORDS = (
    *(
        "",
        "~",
        "null",
        "../..",
        "a" * 300,
        "\x00",
        "\x1b]52;c;\x07",
        "\ud800",
        "é",
        "{{ 7 ** 9 ** 9 }}",
        "{% for",
        "~x/y",
    ),
    *(
        "math",
        "sft",
        "unguided",
        "module:object",
        ":",
        "http://[",
        "s3://x",
        "*",
        "**/*",
        "[0]",
        "a[*].b",
        "(a+)+$",
        "[",
    ),
    *(
        "(a+)+$",
        "[",
        "1.0.0",
        "org/name",
        "-",
        "9" * 400,
        "nan",
        ".inf",
        "true",
        "2026-01-01",
        "select 1",
        "teacher",
        "all",
        "$x$",
        "${HOME}",
        "${NONE}/a",
        "${NONE:-a}",
        "$${HOME}",
        "extends",
    ),
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.sampled_from([0, -1, 1, 2**31, 2**53, 2**63 - 1, 2**63, -(2**63), 10**30]),
    st.floats(),
    st.sampled_from(WORDS),
    st.text(max_size=20),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(st.sampled_from(WORDS), st.text(max_size=8)), inner, max_size=3),
    ),
    max_leaves=6,
)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a recipe, as a path of keys and indices."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in items for place in _places(item, (*path, key)))]


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A shipped recipe with a few values replaced, removed, repeated, or put under another key."""
    recipe: Any = json.loads(json.dumps(draw(st.sampled_from(RECIPES))))
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.sampled_from(_places(recipe)[1:] or [()]))
        if not place:
            break
        node = recipe
        for step in place[:-1]:
            node = node[step]
        match draw(st.sampled_from(["replace", "remove", "repeat", "rename"])):
            case "remove":
                del node[place[-1]]
            case "repeat" if isinstance(node, list):
                node.extend([node[place[-1]]] * draw(st.integers(1, 40)))
            case "rename" if isinstance(node, dict):
                node[draw(st.sampled_from(WORDS))] = node.pop(place[-1])
            case _:
                node[place[-1]] = draw(VALUES)
    return _as_text(recipe)


def _as_text(recipe: Any) -> str:
    try:
        return yaml_text(recipe)
    except ValueError:  # a lone surrogate
        return json.dumps(recipe)


SIGNS = ("", "&a ", "*a", "!!set ", "<<: *a", "[", "{", "\t", "|", "? ", "- ", "---\n", "\x85", "'")


@st.composite
def spliced(draw: st.DrawFn) -> str:
    """The text of a shipped recipe with pieces cut out, doubled, or replaced by YAML's own signs."""
    text = draw(st.sampled_from(TEXTS))
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 30)))
        sign = draw(
            st.sampled_from(
                ["", "&a ", "*a", "!!set ", "<<: *a", "[", "{", "\t", "|", "? ", "- ", "---\n", "\x85", "'"]
            )
        )
        text = text[:start] + sign + text[end:] if draw(st.booleans()) else text[:end] + sign + text[start:]
    return text


ARBITRARY = st.one_of(
    VALUES.map(_as_text), st.text(max_size=60), st.text(alphabet="[]{}&*!|>-?:, \n'\"#%@ab1", max_size=60)
)


def check(text: str, folder: Path, *arguments: str) -> None:
    """Check a recipe by the command line: a promised exit code, in time, a line of the message each, nothing obeyed."""
    file = folder / "recipe.yaml"
    file.write_text(text, encoding="utf-8", errors="surrogatepass")
    began = time.process_time()
    done = CliRunner().invoke(command_line(), ["check", str(file), *arguments])
    took = time.process_time() - began
    assert done.exit_code in PROMISED, (text, done.output[-2_000:])
    assert "a bug in infogap" not in done.stderr
    assert took < MOST_SECONDS, (took, text)
    assert done.exit_code == 0 or done.stderr.strip(), text
    assert len(done.stderr) < 100_000
    assert re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]", done.output) is None


FUZZ = settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck), derandomize=True, database=None)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the data that shipped recipes name, so that some of what is tried is valid."""
    folder = tmp_path_factory.mktemp("fuzz")
    (folder / "data").symlink_to(SHIPPED[0].parent / "data")
    return folder


@settings(FUZZ, max_examples=EXAMPLES * 4 // 10)
@given(text=mutated())
def test_mutations_of_shipped_recipes(text: str, folder: Path) -> None:
    check(text, folder)


@settings(FUZZ, max_examples=EXAMPLES * 15 // 100)
@given(text=spliced())
def test_spliced_texts_of_shipped_recipes(text: str, folder: Path) -> None:
    check(text, folder)


@settings(FUZZ, max_examples=EXAMPLES * 15 // 100)
@given(text=ARBITRARY)
def test_arbitrary_yaml(text: str, folder: Path) -> None:
    check(text, folder)


@settings(FUZZ, max_examples=max(EXAMPLES // 20, 1))
@given(index=st.sampled_from(range(len(RECIPES))), key=st.text(max_size=12), value=st.text(max_size=12))
def test_overrides(index: int, key: str, value: str, folder: Path) -> None:
    check(TEXTS[index], folder, "--set", f"{key}={value}")


@st.composite
def parts(draw: st.DrawFn) -> str:
    """A few sections of a mutated recipe, some of their keys set to null."""
    text = draw(mutated())
    try:
        recipe: Any = read_plain(text)[0]
    except UnreadableYamlError:
        return text
    kept = {key: value for key, value in recipe.items() if draw(st.booleans())}
    for place in _places(kept)[1:]:
        node: Any = kept
        for step in place[:-1]:
            node = node[step] if node is not None else None
        if isinstance(node, dict) and draw(st.integers(0, 9)) == 0:
            node[place[-1]] = None
    return _as_text(kept)


@settings(FUZZ, max_examples=max(EXAMPLES // 20, 1))
@given(base=st.one_of(mutated(), ARBITRARY), own=parts())
def test_recipes_that_extend_others(base: str, own: str, folder: Path) -> None:
    (folder / "base.yaml").write_text(base, encoding="utf-8", errors="surrogatepass")
    check(f"extends: base.yaml\n{own}", folder)


@settings(FUZZ, max_examples=max(EXAMPLES // 10, 1))
@given(text=st.one_of(mutated(), ARBITRARY))
def test_recipes_from_elsewhere(text: str) -> None:
    """A recipe from elsewhere is loaded or refused, as any other."""
    for trusted in (False, True):
        try:
            given_ = RecipeText(text, "recipe.yaml", Origin("https://example.com/recipe.yaml", "0" * 64), trusted)
            loaded = recipe_from_text(given_, None, {})
        except InputError as error:
            assert str(error)
        else:
            assert loaded.origin is not None
