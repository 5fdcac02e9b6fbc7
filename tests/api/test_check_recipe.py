"""What a recipe names and is not there is told with the line that names it."""

from __future__ import annotations

from pathlib import Path

import pytest

from infogap.api.check_recipe import checked
from infogap.recipe import RecipeError

RECIPE = """\
name: demo
tasks: [{{from: reasoning_gym, names: [chain_sum], count: 1}}]
teacher:
  backend: {backend}
  model: {model}
generate: {{privileges: [unguided]}}
measure:
  gap:
    scorer:
      backend: embedded
      model: {scorer}
"""


def problems(folder: Path, backend: str, model: str, scorer: str) -> list[str]:
    file = folder / "recipe.yaml"
    file.write_text(RECIPE.format(backend=backend, model=model, scorer=scorer))
    with pytest.raises(RecipeError) as refused:
        checked(file)
    return str(refused.value).replace(str(folder), "").splitlines()


def test_models_that_are_not_there(tmp_path: Path) -> None:
    assert problems(tmp_path, "embedded", "a.gguf", "b.gguf") == [
        "/recipe.yaml:5: teacher.model: there is no model file /a.gguf",
        "/recipe.yaml:11: measure.gap.scorer.model: there is no model file /b.gguf",
    ]
    assert problems(tmp_path, "vllm", "./here", "Qwen3") == [
        "/recipe.yaml:5: teacher.model: there is no model folder /here",
        "/recipe.yaml:11: measure.gap.scorer.model: Qwen3 is not a model of the embedded backend; write "
        "SmolLM2-135M-Instruct or the path of a .gguf file, or use `backend: openai`",
    ]


def test_models_that_are_there(tmp_path: Path) -> None:
    (tmp_path / "a.gguf").write_bytes(b"GGUF")
    file = tmp_path / "recipe.yaml"
    file.write_text(RECIPE.format(backend="embedded", model="a.gguf", scorer="a.gguf"))
    assert checked(file).recipe.name == "demo"


def test_the_model_of_one_of_several_teachers_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text(
        "name: demo\n"
        "tasks: [{from: reasoning_gym, names: [chain_sum], count: 1}]\n"
        "teachers:\n"
        "  small: {backend: embedded}\n"
        "  large:\n"
        "    backend: embedded\n"
        "    model: large.gguf\n"
        "generate: {privileges: [unguided]}\n"
    )
    with pytest.raises(RecipeError) as refused:
        checked(tmp_path / "recipe.yaml")
    problem = str(refused.value).replace(str(tmp_path), "")
    assert problem == "/recipe.yaml:7: teachers.large.model: there is no model file /large.gguf"


@pytest.mark.parametrize(
    ("mixes", "blamed"),
    [
        ("{sft: {}, traces: {}}", "traces: publishes `traces`, which is also the name of a config of the whole run"),
        ("{a: {}, a-rl: {}}", "a-rl: publishes `a-rl`, which is also the name of a view of the mix `a`"),
        ("{a: {}, A: {}}", "A: publishes `A-rl`, which is also the name of a view of the mix `a`"),
    ],
)
def test_a_mix_is_not_published_under_the_name_of_another_config(tmp_path: Path, mixes: str, blamed: str) -> None:
    file = tmp_path / "recipe.yaml"
    (tmp_path / "t.jsonl").write_text('{"q": "1 + 1?", "a": "2", "t": "2"}\n')
    file.write_text(
        "name: demo\nimport: [{from: t.jsonl, columns: {question: q, answer: a, trace: t}}]\n"
        f"balance: {{mixes: {mixes}}}\npublish: {{configs: [rl, sft, traces]}}\n"
    )
    with pytest.raises(RecipeError) as refused:
        checked(file)
    assert blamed in str(refused.value)
    assert "recipe.yaml:3: balance.mixes." in str(refused.value)
