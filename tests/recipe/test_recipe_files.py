"""Recipes that extend others: what is merged, where errors are reported, and which chains are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infogap.errors import InputError
from infogap.recipe import Recipe, RecipeError, dump_recipe, load_recipe, recipe_from_dict
from infogap.recipe.recipe_files import MOST_FILES, WrittenRecipe, merged
from infogap.runs.run_folder import Run

BASE = """\
name: base
seed: 3
tasks:
  - from: tasks.jsonl
    columns: {question: q, answer: a, solution: s}
teacher:
  backend: openai
  base_url: http://localhost:1/v1
  model: m
  extra_body: {top_a: 0.2, user: me}
generate:
  samples: 2
  privileges: [unguided, answer]
dedupe: {threshold: 0.7}
balance:
  size: 40
  verdict: {correct: 0.9, wrong: 0.1}
"""


def write(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def extended(folder: Path, text: str, overrides: list[str] | None = None) -> Recipe:
    """The recipe `text`, which extends BASE."""
    write(folder, "base.yaml", BASE)
    file = write(folder, "own.yaml", f"extends: base.yaml\nname: own\n{text}")
    return load_recipe(file, overrides, {}).recipe


def problems(folder: Path, text: str) -> list[str]:
    with pytest.raises(RecipeError) as caught:
        extended(folder, text)
    return [str(problem).replace(f"{folder}/", "") for problem in caught.value.problems]


def test_mappings_merge_and_everything_else_replaces(tmp_path: Path) -> None:
    recipe = extended(tmp_path, "generate: {privileges: [unguided, solution]}\nteacher: {model: other}\n")
    written_out = BASE.replace("name: base", "name: own").replace("model: m", "model: other")
    written_out = written_out.replace("[unguided, answer]", "[unguided, solution]")
    assert recipe == load_recipe(write(tmp_path, "whole.yaml", written_out)).recipe
    assert "extends" not in dump_recipe(recipe)


def test_null_removes_what_is_inherited_and_keeps_a_meaning_of_its_own(tmp_path: Path) -> None:
    recipe = extended(
        tmp_path,
        "seed: null\ndedupe: null\nbalance: {size: null, verdict: {wrong: null, correct: 1.0}}\n"
        "generate: {samples: null}\nteacher: {extra_body: {user: null}}\n",
    )
    assert recipe.seed == 0  # the default
    assert recipe.generate is not None
    assert recipe.generate.samples == type(recipe.generate).model_fields["samples"].default
    assert recipe.dedupe is None  # as `dedupe: null` says in any recipe
    assert recipe.balance.size is None
    assert recipe.balance.verdict == {"correct": 1.0}
    assert recipe.teacher is not None
    assert recipe.teacher.answer_settings["extra_body"] == {"top_a": 0.2, "user": None}  # not sent


WITH_ALL = (
    BASE
    + """\
  mixes: {a: {band: {uncertain: 0.5, confident: 0.5}, max_per_task: 3}, b: {leak: keep}}
  top_up: {rounds: 3}
measure: {bands: {mixed: 3, uncertain: 9}, fork_entropy: 0.5}
publish: {license: mit, version: 1.2.0, configs: [sft]}
"""
)


@pytest.mark.parametrize(
    ("path", "line", "without"),
    [
        (("teacher", "extra_body"), "  extra_body: {top_a: 0.2, user: me}\n", ""),
        (("generate", "samples"), "  samples: 2\n", ""),
        (("balance", "mixes", "b"), ", b: {leak: keep}", ""),
        (("balance", "mixes", "a", "max_per_task"), ", max_per_task: 3", ""),
        (("balance", "top_up"), "  top_up: {rounds: 3}\n", ""),
        (("measure", "bands", "mixed"), "mixed: 3, ", ""),
        (("measure", "fork_entropy"), ", fork_entropy: 0.5", ""),
        (("measure",), "measure: {bands: {mixed: 3, uncertain: 9}, fork_entropy: 0.5}\n", ""),
        (("publish", "license"), "license: mit, ", ""),
        (("publish", "version"), "version: 1.2.0, ", ""),
        (("publish", "configs"), ", configs: [sft]", ""),
        (("balance", "verdict"), "  verdict: {correct: 0.9, wrong: 0.1}\n", ""),
        (("seed",), "seed: 3\n", ""),
    ],
)
def test_null_is_as_if_the_key_had_not_been_written(
    tmp_path: Path, path: tuple[str, ...], line: str, without: str
) -> None:
    assert WITH_ALL.count(line) == 1
    written_out = WITH_ALL.replace(line, without).replace("name: base", "name: own")
    write(tmp_path, "base.yaml", WITH_ALL)
    taken_out: Any = None
    for key in reversed(path):
        taken_out = {key: taken_out}
    given = {"extends": "base.yaml", "name": "own", **taken_out}
    expected = load_recipe(write(tmp_path, "whole.yaml", written_out)).recipe
    assert recipe_from_dict(given, tmp_path, None, {}).recipe == expected


def test_a_section_that_is_taken_out_may_be_replaced_by_another(tmp_path: Path) -> None:
    recipe = extended(
        tmp_path, "tasks: null\nteacher: null\ngenerate: null\nimport: [{from: x.jsonl, columns: {trace: t}}]\n"
    )
    assert recipe.imports and recipe.tasks is None and recipe.teacher is None


def test_an_error_is_reported_where_the_value_is_written(tmp_path: Path) -> None:
    write(tmp_path, "root.yaml", "balance: {max_per_task: 0}\n")
    write(tmp_path, "base.yaml", BASE.replace("samples: 2", "samples: 0") + "extends: root.yaml\n")
    file = write(tmp_path, "own.yaml", "extends: base.yaml\nname: own\nbalance:\n  verdict: {correct: 0.5}\nseed: x\n")
    with pytest.raises(RecipeError) as caught:
        load_recipe(file, ["teacher.model=3"], {})
    places = [str(problem).replace(f"{tmp_path}/", "") for problem in caught.value.problems]
    assert [place.split(": ")[:2] for place in places] == [
        ["--set teacher.model=3", "teacher.model"],
        ["base.yaml:12", "generate.samples"],
        ["own.yaml:4", "balance.verdict"],
        ["own.yaml:5", "seed"],
        ["root.yaml:1", "balance.max_per_task"],
    ]


def test_lines_of_replaced_lists_are_forgotten(tmp_path: Path) -> None:
    (line,) = problems(tmp_path, "generate:\n  privileges:\n    - unguided\n    - solutoin\n")
    assert line.startswith("own.yaml:6: generate.privileges[1]: ")


def test_settings_of_another_backend_are_reported_in_the_base(tmp_path: Path) -> None:
    found = problems(tmp_path, "teacher: {backend: embedded, model: null, extra_body: null}\n")
    assert [line.split(": ")[:3] for line in found] == [["base.yaml:8", "teacher.base_url", "unknown key; allowed"]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("extends: none.yaml", "own.yaml:1: extends: there is no file "),
        ("extends: own.yaml", "own.yaml:1: extends: a recipe cannot extend itself: own.yaml -> own.yaml"),
        ("extends: around.yaml", "around.yaml:2: extends: a recipe cannot extend itself: own.yaml -> around.yaml -> "),
        ("extends: [base.yaml]", "own.yaml:1: extends: names one file, such as base.yaml; found "),
        ("extends: https://example.com/x.yaml", "own.yaml:1: extends: names a file on this machine; download https://"),
        ("extends: ${HOME}/base.yaml", "own.yaml:1: extends: is a file's name as it is, without variables"),
        ("extends: 'a\\0b'", "own.yaml:1: extends: there is no file"),
        ('extends: "a\\0b"', "own.yaml:1: extends: a\0b: no path holds the character NUL"),
        ("extends: " + "x" * 300, "own.yaml:1: extends: "),
        ("extends: broken.yaml", "broken.yaml:2: the key a stands here twice"),
        ("extends: list.yaml", "list.yaml:1: a recipe is a mapping"),
        ("extends: .", "own.yaml:1: extends: there is no file"),
    ],
)
def test_a_file_that_cannot_be_extended_is_refused_at_its_key(tmp_path: Path, text: str, expected: str) -> None:
    write(tmp_path, "around.yaml", "seed: 1\nextends: own.yaml\n")
    write(tmp_path, "broken.yaml", "a: 1\na: 2\n")
    write(tmp_path, "list.yaml", "- a\n")
    file = write(tmp_path, "own.yaml", f"{text}\nname: own\n")
    with pytest.raises(InputError) as caught:
        load_recipe(file, None, {})
    assert str(caught.value).replace(f"{tmp_path}/", "").startswith(expected)


def test_a_chain_that_is_too_long_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "0.yaml", BASE)
    for number in range(1, MOST_FILES + 1):
        write(tmp_path, f"{number}.yaml", f"extends: {number - 1}.yaml\nname: n{number}\n")
    assert load_recipe(tmp_path / f"{MOST_FILES - 1}.yaml", None, {}).recipe.seed == 3
    with pytest.raises(RecipeError, match=rf"1\.yaml:1: extends: the chain of recipes is longer than {MOST_FILES}"):
        load_recipe(tmp_path / f"{MOST_FILES}.yaml", None, {})


def test_a_recipe_has_a_name_of_its_own(tmp_path: Path) -> None:
    write(tmp_path, "base.yaml", BASE)
    file = write(tmp_path, "own.yaml", "seed: 1\nextends: base.yaml\n")
    with pytest.raises(RecipeError, match=r"own\.yaml:2: name: missing; with the name of base\.yaml, this run would"):
        load_recipe(file, None, {})


def test_paths_of_another_folder_lead_to_the_same_files(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    write(shared / "data", "tasks.jsonl", "")
    write(shared, "my-model", "")
    write(
        shared,
        "base.yaml",
        "tasks: [{from: data/tasks.jsonl, columns: {solution: s}}]\n"
        "teacher: {backend: embedded, model: my-model}\n"
        "generate: {privileges: [unguided, {peers: {from: unguided}}]}\n",
    )
    text = "extends: ../shared/base.yaml\nname: own\nmeasure: {lexicons: [mine.yaml]}\n"
    recipe = load_recipe(write(tmp_path / "own", "own.yaml", text), None, {}).recipe
    assert recipe.tasks is not None
    assert recipe.tasks[0].model_dump(by_alias=True)["from"] == "../shared/data/tasks.jsonl"
    assert recipe.teacher is not None and recipe.teacher.model == "../shared/my-model"
    assert recipe.measure.lexicons == ["mine.yaml"]
    assert recipe.generate is not None and recipe.generate.uses[1].source == "unguided"


def test_the_saved_recipe_is_the_merged_one(tmp_path: Path) -> None:
    recipe = extended(tmp_path, "seed: 8\n")
    run = Run.create(load_recipe(tmp_path / "own.yaml", None, {}), tmp_path / "run")
    run.save_recipe()
    assert Run.open(tmp_path / "run").recipe == recipe


def test_extends_cannot_be_set_and_is_not_read_in_a_recipe_that_infogap_wrote(tmp_path: Path) -> None:
    write(tmp_path, "base.yaml", BASE)
    file = write(tmp_path, "whole.yaml", BASE)
    with pytest.raises(RecipeError, match="extends: cannot be set: write it into the recipe"):
        load_recipe(file, ["extends=base.yaml"], {})
    with pytest.raises(RecipeError, match="extends: a recipe in a run's folder is whole; put one that extends another"):
        load_recipe(write(tmp_path, "own.yaml", "extends: base.yaml\nname: own\n"))


def test_a_mapping_can_extend_a_file(tmp_path: Path) -> None:
    write(tmp_path, "base.yaml", BASE)
    given = {"extends": "base.yaml", "name": "own", "seed": 9}
    assert recipe_from_dict(given, tmp_path, None, {}).recipe.seed == 9
    assert given["extends"] == "base.yaml"  # the caller's own is as it was


TREES = st.recursive(
    st.integers(0, 3),
    lambda inner: st.one_of(st.dictionaries(st.sampled_from("abc"), inner, max_size=3), st.lists(inner, max_size=2)),
    max_leaves=8,
)
RECIPES = st.dictionaries(st.sampled_from("abc"), TREES, max_size=3)


@given(RECIPES, RECIPES)
def test_merging_keeps_what_is_written_and_every_place_is_that_of_its_value(
    tmp_path_factory: pytest.TempPathFactory, base: dict[str, Any], own: dict[str, Any]
) -> None:
    folder = tmp_path_factory.mktemp("merge")
    file = write(folder, "base.yaml", "\n".join(f"{key}: {value}" for key, value in base.items()) or "{}")
    whole = merged(WrittenRecipe({**own, "name": "own", "extends": file.name}), folder / "own.yaml")

    def check(value: Any, of_own: Any, of_base: Any, path: tuple[str, ...]) -> None:
        both = isinstance(of_own, dict) and isinstance(of_base, dict)
        if both:
            for key in {**of_own, **of_base}:
                check(value[key], of_own.get(key, ...), of_base.get(key, ...), (*path, key))
            assert set(value) == {*of_own, *of_base}
        else:
            assert value == (of_base if of_own is ... else of_own)
            assert (path in whole.inherited) == (of_own is ...)

    whole.data.pop("name")
    check(whole.data, own, base, ())
