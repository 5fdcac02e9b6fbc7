"""Recipes: every error at once with its line, overrides, and the way back to YAML."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from infogap.errors import InputError
from infogap.recipe import Recipe, RecipeError, dump_recipe, load_recipe, yaml_text

VALID = """\
name: demo
seed: 3
tasks:
  - from: tasks.jsonl
    columns: {question: q, answer: a, solution: s}
teacher:
  backend: embedded
generate:
  samples: 2
  privileges: [unguided, {hint: {fraction: 0.3}}, answer]
"""


def write(folder: Path, text: str) -> Path:
    file = folder / "recipe.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def problems_of(folder: Path, text: str, *overrides: str) -> list[str]:
    with pytest.raises(RecipeError) as caught:
        load_recipe(write(folder, text), list(overrides))
    return [str(problem).removeprefix(f"{folder}/") for problem in caught.value.problems]


def test_a_valid_recipe_has_its_defaults(tmp_path: Path) -> None:
    recipe = load_recipe(write(tmp_path, VALID)).recipe
    assert recipe.generate is not None
    assert [use.label for use in recipe.generate.uses] == ["unguided", "hint", "answer"]
    assert recipe.generate.uses[1].privilege.fraction == 0.3
    assert recipe.balance.when_short == "error"
    assert recipe.publish.configs == ["sft", "traces"]


def test_every_error_of_a_file_is_told_at_once_with_its_line(tmp_path: Path) -> None:
    text = """\
name: demo
seed: "3"
tasks:
  - from: tasks.jsonl
    colums: {question: q}
    verifier: maths
teacher:
  backend: embeded
generate:
  samples: 0
  privileges:
    - unguided
    - solutoin
balance:
  band: {uncertain: 0.5, mixd: 0.5}
  verdict: {correct: 0.5}
publish: {version: 1.0, repo: nowhere}
"""
    found = problems_of(tmp_path, text)
    expected = [
        ("recipe.yaml:2: seed:", 'found "3" (text)'),
        ("recipe.yaml:5: tasks[0].colums: unknown key", "did you mean 'columns'?"),
        ("recipe.yaml:6: tasks[0].verifier:", "as module:function (did you mean 'math'?)"),
        ("recipe.yaml:8: teacher.backend:", "allowed: embedded, openai, vllm, ray (did you mean 'embedded'?)"),
        ("recipe.yaml:10: generate.samples:", "found 0 (a whole number)"),
        ("recipe.yaml:13: generate.privileges[1]:", "did you mean 'solution'?"),
        ("recipe.yaml:15: balance.band.mixd:", "did you mean 'mixed'?"),
        ("recipe.yaml:16: balance.verdict:", "the shares add up to 0.5; they must add up to 1"),
        ("recipe.yaml:17: publish.repo:", "not of the form org/name"),
        ("recipe.yaml:17: publish.version:", "found 1.0 (a number)"),
    ]
    assert len(found) == len(expected)
    for (start, part), line in zip(expected, found, strict=True):
        assert line.startswith(start)
        assert part in line


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (VALID.replace(", solution: s", ""), "privilege 'hint' needs a worked solution"),
        (VALID + "import:\n  - from: x.jsonl\n    columns: {trace: t}\n", "remove `generate`"),
        ("name: demo\n", "missing: `tasks`, `teacher`, `generate`"),
        (VALID + "balance:\n  privilege: {solution: 1.0}\n", "'solution' is not generated"),
        (
            VALID + "balance:\n  mixes:\n    one: {privilege: {solution: 1.0}}\n",
            "balance.mixes.one.privilege.solution: 'solution' is not generated",
        ),
        (VALID + "balance:\n  when_short: best_effort\n", "needs a `size`"),
        (VALID.replace("answer]", "answer, {hint: {steps: 1}}]"), "two privileges are called hint"),
        (VALID.replace("fraction: 0.3", "fraction: 0.3, steps: 2"), "not by both"),
        (VALID.replace("unguided,", "{unguided: {fraction: 0.5}},"), "has no option fraction"),
        ("name: demo\nimport:\n  - from: x.jsonl\n", "no column holds the traces: map `trace`"),
        (
            "name: demo\nimport:\n  - from: x.jsonl\n    columns: {trace: t, reasoning: r}\n",
            "columns.reasoning: a `trace` includes its thinking",
        ),
        (VALID + "measure: {lexicons: [infogap, kim2026, infogap]}\n", "'infogap' is named twice"),
    ],
)
def test_impossible_combinations_are_errors(tmp_path: Path, text: str, expected: str) -> None:
    assert any(expected in line for line in problems_of(tmp_path, text))


def test_contradictions_are_told_beside_other_errors(tmp_path: Path) -> None:
    found = problems_of(tmp_path, VALID.replace(", solution: s", "").replace("seed: 3", "seed: x"))
    assert len(found) == 2


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "samples: 2",
            "samples: 4\n  until: {max_attempts: 3, correct: 1}",
            "until.max_attempts: is 3, but must be at least `samples`",
        ),
        ("samples: 2", "select:\n    pass_rate: [0.5, 0.1]", "select.pass_rate: give the lowest rate first"),
        (", answer]", ", {peers: {from: answr}}, answer]", "privileges[2]: 'peers' shows attempts made under 'answr'"),
        (", answer]", ", {peers: {from: verifier}}, {verifier: {from: peers}}]", "privileges[2]: peers shows verifier"),
        (", answer]", ", answer, {answer: {}}]", "privileges[3]: two privileges are called answer"),
        (
            ", answer]",
            ", {verifier: {turns: 0}}]",
            "privileges[2].verifier.turns: should be greater than or equal to 1",
        ),
        (", answer]", ", {mine: {template: x, from: unguided}}]", "privileges[2]: privilege 'mine' has no option from"),
        (", answer]", ", {verifier: }]", "privileges[2].verifier: should be a mapping of keys, found nothing"),
    ],
)
def test_what_is_wrong_between_keys_is_told_where_it_stands(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert old in VALID
    text = VALID.replace(old, new)
    (line,) = problems_of(tmp_path, text)
    assert expected in line
    assert f"recipe.yaml:{line_of(text, expected)}:" in line


def line_of(text: str, problem: str) -> int:
    """The line of the last key that a problem names."""
    key = problem.partition(":")[0].rpartition(".")[2].partition("[")[0]
    return max(number for number, line in enumerate(text.splitlines(), start=1) if f"{key}:" in line)


@pytest.mark.parametrize(
    ("text", "where"),
    [("name: demo\n  seed: [\n", "recipe.yaml:2"), ("name: a\nname: b\n", "recipe.yaml:2"), ("- a\n", "recipe.yaml:1")],
)
def test_broken_yaml_is_told_with_its_line(tmp_path: Path, text: str, where: str) -> None:
    (line,) = problems_of(tmp_path, text)
    assert line.startswith(where)


def test_a_missing_recipe_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="infogap init"):
        load_recipe(tmp_path / "none.yaml")


def test_overrides_set_values_deep_inside(tmp_path: Path) -> None:
    file = write(tmp_path, VALID)
    recipe = load_recipe(file, ["generate.samples=7", "tasks[0].limit=5", "balance.band={uncertain: 1.0}"]).recipe
    assert recipe.generate is not None and recipe.tasks is not None
    assert recipe.generate.samples == 7
    assert recipe.tasks[0].model_dump()["limit"] == 5
    assert recipe.balance.band == {"uncertain": 1.0}


def test_a_wrong_override_is_blamed_instead_of_a_line(tmp_path: Path) -> None:
    (line,) = problems_of(tmp_path, VALID, "generate.samples=none")
    assert line.startswith("--set generate.samples=none: generate.samples: ")


@pytest.mark.parametrize("override", ["generate.samples", "tasks[4].limit=1", "seed.x=1", "seed=[", "=1"])
def test_an_override_that_cannot_be_set_is_refused(tmp_path: Path, override: str) -> None:
    with pytest.raises(InputError, match="--set"):
        load_recipe(write(tmp_path, VALID), [override])


def test_keys_of_extra_body_are_text_as_in_the_requests_body(tmp_path: Path) -> None:
    text = VALID.replace(
        "backend: embedded", "backend: openai\n  model: m\n  base_url: http://localhost:1/v1\n  extra_body: EXTRA"
    )
    recipe = load_recipe(write(tmp_path, text.replace("EXTRA", "{logit_bias: {50256: -100, true: 1}, 3: null}"))).recipe
    assert recipe.teacher is not None
    assert recipe.teacher.answer_settings["extra_body"] == {"logit_bias": {"50256": -100, "true": 1}, "3": None}
    assert load_recipe(write(tmp_path, dump_recipe(recipe))).recipe == recipe
    (line,) = problems_of(tmp_path, text.replace("EXTRA", f"{{seed: {2**70}}}"))
    assert "teacher.extra_body: cannot be sent as JSON" in line


LATEX_WORDS = [r"\boxed{}", "\n", "put", "your", r"\frac{1}{2}", "answer:", "- ", "#", '"', "é", "\\\\", "\t"]
SECTIONS = st.fixed_dictionaries(
    {
        "name": st.just("demo"),
        "seed": st.integers(0, 2**31),
        "tasks": st.lists(
            st.fixed_dictionaries(
                {"from": st.sampled_from(["a.jsonl", "org/name"]), "columns": st.just({"solution": "s"})},
                optional={
                    "limit": st.integers(1, 100),
                    "strip_suffix": st.text(st.characters(codec="utf-8", categories=["L", "P", "Zs"]), min_size=1),
                    "difficulty": st.one_of(st.integers(0, 9), st.text("abc", min_size=1)),
                },
            ),
            min_size=1,
            max_size=2,
        ),
        "teacher": st.just({"backend": "openai", "model": "m", "base_url": ["http://localhost:1/v1"]}),
        "generate": st.fixed_dictionaries(
            {
                "samples": st.integers(1, 9),
                "privileges": st.sampled_from([["unguided"], ["answer", {"hint": {"fraction": 0.5}}], ["solution"]]),
                "instruction": st.lists(st.sampled_from(LATEX_WORDS), min_size=1, max_size=60).map(" ".join),
            }
        ),
    },
    optional={"dedupe": st.none(), "balance": st.just({"band": "uniform", "family": {"a": 0.25, "b": 0.75}})},
)


def test_a_long_instruction_with_latex_reads_back_as_itself(tmp_path: Path) -> None:
    instruction = " ".join([r"Please put your final answer within \boxed{} or \frac{1}{2}:"] * 12) + " \n \\boxed{}"
    for words in range(90):  # wherever a folded line would break
        text = yaml_text({"instruction": "x" * words + " " + instruction})
        assert YAML(typ="rt").load(text)["instruction"] == "x" * words + " " + instruction


@given(SECTIONS)
def test_a_resolved_recipe_reads_back_as_itself(
    tmp_path_factory: pytest.TempPathFactory, data: dict[str, object]
) -> None:
    file = tmp_path_factory.mktemp("recipe") / "recipe.yaml"
    recipe = Recipe.model_validate(data)
    file.write_text(dump_recipe(recipe), encoding="utf-8")
    assert load_recipe(file).recipe == recipe
