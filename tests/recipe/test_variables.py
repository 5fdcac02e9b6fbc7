"""Variables of the environment in recipes: what is substituted, and what is refused as a secret."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infogap.publish.redaction import public_recipe
from infogap.recipe import Recipe, RecipeError, dump_recipe, load_recipe
from infogap.recipe.variables import escaped, substituted, unescaped
from infogap.runs.run_folder import Run

TEXT = """\
name: ${NAME:-demo}
tasks:
  - from: ${DATA}/tasks.jsonl
    columns: {question: q, answer: a}
    strip_suffix: in $${DOLLARS} and ${\\bf x}$
teacher:
  backend: openai
  base_url: ["http://${HOST:-localhost:1}/v1", "http://${OTHER:-b}:2/v1"]
  model: m
generate: {samples: 1, privileges: [unguided]}
"""
SECRET = "sk-abcdefghijklmnopqrstuvwx"


def write(folder: Path, text: str) -> Path:
    (folder / "recipe.yaml").write_text(text, encoding="utf-8")
    return folder / "recipe.yaml"


def problem(folder: Path, text: str, environment: dict[str, str], *overrides: str) -> str:
    with pytest.raises(RecipeError) as caught:
        load_recipe(write(folder, text), list(overrides), environment)
    assert SECRET not in str(caught.value)
    return str(caught.value).replace(f"{folder}/", "")


def test_variables_and_defaults_are_substituted_in_texts(tmp_path: Path) -> None:
    recipe = load_recipe(write(tmp_path, TEXT), [], {"DATA": "/data", "HOST": "", "OTHER": "${DATA}"[2:6]}).recipe
    assert recipe.name == "demo"
    assert recipe.tasks is not None and recipe.teacher is not None
    task = recipe.tasks[0].model_dump(by_alias=True)
    assert (task["from"], task["strip_suffix"]) == ("/data/tasks.jsonl", ["in ${DOLLARS} and ${\\bf x}$"])
    # An empty variable takes the default, as in a shell.
    assert recipe.teacher.model_dump()["base_url"] == ["http://localhost:1/v1", "http://DATA:2/v1"]


def test_a_value_is_not_substituted_again(tmp_path: Path) -> None:
    recipe = load_recipe(write(tmp_path, TEXT), [], {"DATA": "${HOME}", "HOME": "/root"}).recipe
    assert recipe.tasks is not None and recipe.tasks[0].model_dump(by_alias=True)["from"] == "${HOME}/tasks.jsonl"


def test_an_unset_variable_is_one_line_at_its_place(tmp_path: Path) -> None:
    assert problem(tmp_path, TEXT, {}) == (
        "recipe.yaml:3: tasks[0].from: the environment variable DATA is not set; set it, or give a default: "
        "${DATA:-default} ($${DATA} stands for the text itself)"
    )
    found = problem(tmp_path, TEXT, {"DATA": "d"}, "teacher.model=${MODEL}")
    assert found.startswith("--set teacher.model=${MODEL}: teacher.model: the environment variable MODEL is not set")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("model: m", "model: m\n  api_key_env: ${KEY_NAME}", "teacher.api_key_env: write the variable's name itself"),
        ("model: m", "model: m\n  extra_body: {api_key: 'x${A}'}", "teacher.extra_body.api_key: `api_key` may hold"),
        ("model: m", "model: m\n  extra_body: {headers: {Authorization: '${A}'}}", "`Authorization` may hold a key"),
        ("model: m", "model: ${OPENAI_API_KEY}", "teacher.model: the variable OPENAI_API_KEY looks like a key"),
        ("model: m", "model: ${HF_TOKEN:-m}", "teacher.model: the variable HF_TOKEN looks like a key"),
        ("model: m", "model: ${A}", "teacher.model: the value of A looks like a key"),
        ("http://${HOST:-localhost:1}", "http://me:${B}@host", "teacher.base_url[0]: an address with a key in it"),
        ("http://${HOST:-localhost:1}", "http://${C}", "teacher.base_url[0]: the value of C is an address with a user"),
        ('/v1", "http', '/v1?api-key=${B}", "http', "teacher.base_url[0]: an address with a key in it"),
        ("columns: {", "columns: {'${B}': x, ", "tasks[0].columns.${B}: a key is written as it is"),
    ],
)
def test_a_secret_is_refused_with_its_reason(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert old in TEXT
    environment = {"A": SECRET, "B": "pw", "C": "u:pw@host", "DATA": "d", "OPENAI_API_KEY": SECRET, "KEY_NAME": "X"}
    found = problem(tmp_path, TEXT.replace(old, new), environment)
    assert expected in found
    assert all(each not in found for each in ("pw", SECRET))


@pytest.mark.parametrize("name", ["MAX_TOKENS", "TOKENIZER", "PWD", "AUTHOR", "MONKEY", "KEYBOARD"])
def test_other_names_are_no_secrets(tmp_path: Path, name: str) -> None:
    recipe = load_recipe(
        write(tmp_path, TEXT.replace("model: m", f"model: '${{{name}}}'")), [], {name: "x", "DATA": "d"}
    )
    assert recipe.recipe.teacher is not None and recipe.recipe.teacher.model == "x"


def test_the_saved_and_the_published_recipe_hold_values_and_escapes(tmp_path: Path) -> None:
    loaded = load_recipe(write(tmp_path, TEXT), [], {"DATA": "/data"})
    run = Run.create(loaded, tmp_path / "run")
    run.save_recipe()
    text = (tmp_path / "run" / "recipe.yaml").read_text()
    assert "from: /data/tasks.jsonl" in text
    assert "in $${DOLLARS} and ${\\bf x}$" in text  # no variable: read from anywhere, it is the same recipe
    assert Run.open(tmp_path / "run").recipe == loaded.recipe
    assert load_recipe(tmp_path / "run" / "recipe.yaml", [], {"DOLLARS": "x"}).recipe == loaded.recipe
    assert public_recipe(loaded.recipe)["tasks"][0]["from"] == "tasks.jsonl"


def test_without_an_environment_nothing_is_substituted(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"base": "/"}')
    for environment in (None, {"DATA": "/secret"}):  # a run's folder, even where an environment is given
        recipe = load_recipe(
            write(tmp_path, TEXT.replace("${NAME:-demo}", "demo")), ["teacher.base_url=http://a/v1"], environment
        )
        assert recipe.recipe.tasks is not None
        assert recipe.recipe.tasks[0].model_dump(by_alias=True)["from"] == "${DATA}/tasks.jsonl"


PIECES = st.lists(st.sampled_from(["$", "${A}", "{A}", "${A:-b}", "}", "x", "${", "${\\a}"]), max_size=6).map("".join)


@given(PIECES)
def test_escaped_texts_come_back(text: str) -> None:
    assert unescaped(escaped(text)) == text
    assert substituted({"k": escaped(text)}, {"A": "no"}) == ({"k": text}, [])


@given(PIECES)
def test_a_resolved_recipe_with_dollars_reads_back_as_itself(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    data = {"name": "x", "tasks": [{"from": "a", "strip_suffix": f"a{text}"}]}
    generate = {"teacher": {"backend": "embedded"}, "generate": {"privileges": ["unguided"]}}
    recipe = Recipe.model_validate(data | generate)
    file = write(tmp_path_factory.mktemp("recipe"), dump_recipe(recipe))
    for environment in (None, {"A": "no"}):
        assert load_recipe(file, [], environment).recipe == recipe
