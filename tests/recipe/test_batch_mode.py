"""What a recipe can say of batches, and what it cannot."""

from pathlib import Path
from typing import Any

import pytest

from infogap.errors import InputError
from infogap.recipe import Recipe, RecipeError, dump_recipe, load_recipe
from infogap.recipe.teacher_section import Price
from infogap.teachers.base import backend_of
from infogap.teachers.openai.openai_backend import OpenAITeacher

RECIPE = """\
name: demo
tasks: [{from: tasks.jsonl}]
teacher:
  backend: openai
  model: m
  base_url: http://a:8000/v1
generate: {privileges: [unguided]}
"""


def load(tmp_path: Path, *overrides: str) -> Recipe:
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    return load_recipe(tmp_path / "recipe.yaml", list(overrides)).recipe


def teacher(recipe: Recipe) -> OpenAITeacher:
    assert isinstance(recipe.teacher, OpenAITeacher)
    return recipe.teacher


def test_limits_are_those_of_the_protocol_unless_the_recipe_says_otherwise(tmp_path: Path) -> None:
    plain = teacher(load(tmp_path, "teacher.mode=batch"))
    assert plain.batch_limits.model_dump() == {"requests": 50_000, "megabytes": 200, "window": "24h"}
    own = teacher(load(tmp_path, "teacher.mode=batch", "teacher.batch={requests: 100}"))
    assert own.batch_limits.model_dump() == {"requests": 100, "megabytes": 200, "window": "24h"}


def test_a_recipe_without_batches_is_written_as_before(tmp_path: Path) -> None:
    written = dump_recipe(load(tmp_path, "teacher.price={prompt: 1, completion: 2}"))
    assert "mode:" not in written
    assert "batch" not in written
    batched = load(tmp_path, "teacher.mode=batch", "teacher.price={prompt: 1, completion: 2, batch: 0.5}")
    (tmp_path / "again.yaml").write_text(dump_recipe(batched))
    assert load_recipe(tmp_path / "again.yaml").recipe == batched


def test_the_mode_is_no_part_of_what_determines_answers(tmp_path: Path) -> None:
    live, batched = load(tmp_path), load(tmp_path, "teacher.mode=batch", "teacher.batch={requests: 2}")
    assert teacher(live).answer_settings == teacher(batched).answer_settings


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("teacher.base_url=[http://a/v1, http://b/v1]", "base_url: `mode: batch` needs exactly one server, found 2"),
        ("teacher.batch={requests: 0}", "teacher.batch.requests"),
        ("teacher.batch={megabytes: 0}", "teacher.batch.megabytes"),
        ("teacher.batch={size: 3}", "allowed: requests, megabytes, window"),
        ("teacher.price={prompt: 1, completion: 1, batch: 50}", "teacher.price.batch"),
        ("teacher.mode=batches", "allowed: live, batch"),
    ],
)
def test_what_cannot_work_is_refused_at_its_key(tmp_path: Path, override: str, message: str) -> None:
    with pytest.raises(RecipeError) as caught:
        load(tmp_path, "teacher.mode=batch", override)
    assert message in str(caught.value)


def test_limits_without_the_mode_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"teacher.batch: has the limits of `mode: batch`; add that"):
        load(tmp_path, "teacher.batch={requests: 10}")


def test_a_teacher_in_batches_does_not_score(tmp_path: Path) -> None:
    settings: Any = teacher(load(tmp_path, "teacher.mode=batch"))
    with pytest.raises(InputError, match="`teacher` answers in batches"):
        backend_of(settings).check_scorer(settings, Path)


def test_the_price_in_batches() -> None:
    assert Price(prompt=2, completion=8, batch=0.5).in_batches == Price(prompt=1, completion=4)
    assert Price(prompt=2, completion=8).in_batches == Price(prompt=2, completion=8)
