"""Several teachers in a recipe: who answers, and what a recipe cannot say of them."""

from pathlib import Path
from typing import Any

import pytest

from infogap.recipe import Recipe, RecipeError, dump_recipe, load_recipe, recipe_from_dict

SERVER = {"backend": "openai", "base_url": "http://localhost:1/v1"}
TEACHERS = {"small": SERVER | {"model": "m"}, "Qwen/Qwen3-8B": SERVER | {"model": "n", "sampling": {"top_p": 0.9}}}


def recipe(generate: dict[str, Any], **sections: Any) -> Recipe:
    file = {"from": "tasks.jsonl", "columns": {"solution": "solution"}}
    data = {"name": "x", "tasks": [file], "teachers": TEACHERS, "generate": generate} | sections
    return recipe_from_dict({key: value for key, value in data.items() if value is not None}, Path()).recipe


def problem(generate: dict[str, Any], **sections: Any) -> str:
    with pytest.raises(RecipeError) as raised:
        recipe(generate, **sections)
    return str(raised.value)


def test_each_privilege_says_who_answers(tmp_path: Path) -> None:
    privileges = ["unguided", {"answer": {"teacher": "small"}}, {"hint": {"teacher": ["small", "Qwen/Qwen3-8B"]}}]
    given = recipe({"privileges": privileges, "one_teacher_per_task": True})
    assert given.generate is not None
    answered = {name: [use.label for use in given.generate.uses_of(name)] for name in given.every_teacher}
    assert answered == {"small": ["unguided", "answer", "hint"], "Qwen/Qwen3-8B": ["unguided", "hint"]}
    assert given.every_teacher["Qwen/Qwen3-8B"].sampling.top_p == 0.9
    (tmp_path / "recipe.yaml").write_text(dump_recipe(given))
    assert load_recipe(tmp_path / "recipe.yaml").recipe == given


def test_a_recipe_of_one_teacher_is_written_as_before() -> None:
    one = recipe({"privileges": ["unguided", {"answer": {"as": "told"}}]}, teachers=None, teacher=TEACHERS["small"])
    assert list(one.every_teacher) == [""]
    written = dump_recipe(one)
    assert "teachers" not in written
    assert "one_teacher_per_task" not in written
    assert written.count("teacher:") == 1


@pytest.mark.parametrize(
    ("generate", "sections", "expected"),
    [
        ({"privileges": ["unguided"]}, {"teacher": TEACHERS["small"]}, "remove one of the two keys"),
        ({"privileges": ["unguided"]}, {"teachers": None}, "missing: `teacher`"),
        ({"privileges": ["unguided"]}, {"teachers": {}}, "at least 1 item"),
        ({"privileges": ["unguided"]}, {"teachers": {"../x": TEACHERS["small"]}}, "'../x' cannot name a teacher"),
        (
            {"privileges": ["unguided"]},
            {"teachers": {"a": {"backend": "openal"}}},
            "teachers.a.backend: found 'openal'",
        ),
        (
            {"privileges": ["unguided", {"answer": {"teacher": "smal"}}]},
            {},
            "generate.privileges[1]: 'answer' is answered by 'smal', which is not one of `teachers`; "
            "allowed: small, Qwen/Qwen3-8B (did you mean 'small'?)",
        ),
        ({"privileges": [{"answer": {"teacher": ["small", "small"]}}]}, {}, "'small' is named twice"),
        ({"privileges": [{"answer": {"teacher": []}}]}, {}, "at least 1 item"),
        ({"privileges": [{"answer": {"teacher": "small"}}]}, {}, "teachers.Qwen/Qwen3-8B: answers under no privilege"),
        (
            {"privileges": [{"unguided": {"teacher": "small"}}, "peers"]},
            {},
            "under 'unguided', under which 'Qwen/Qwen3-8B' does not answer",
        ),
        (
            {"privileges": ["unguided", {"critique": {"critic": "smal"}}]},
            {},
            "generate.privileges[1]: for 'critique' writes 'smal', which is not one of `teachers`; "
            "allowed: small, Qwen/Qwen3-8B (did you mean 'small'?)",
        ),
        (
            {"privileges": ["unguided", {"lessons": {"writer": "small"}}]},
            {"teachers": None, "teacher": TEACHERS["small"]},
            "'lessons' names who writes, but the recipe's one `teacher` has no name",
        ),
        (
            {"privileges": ["unguided", {"lessons": {"critic": "small"}}]},
            {},
            "lessons.critic: unknown key; allowed: as, teacher, from, pool, count, words, choose, writer, ask",
        ),
        ({"privileges": ["unguided", {"lessons": {"pool": 1}}]}, {}, "should be greater than or equal to 2"),
        ({"privileges": ["critique"]}, {}, "'critique' shows attempts made under 'unguided', which is not generated"),
        (
            {"privileges": ["unguided", {"answer": {"teacher": "small"}}]},
            {"teachers": None, "teacher": TEACHERS["small"]},
            "'answer' names a teacher, but the recipe's one `teacher` has no name",
        ),
        (
            {"privileges": ["unguided"], "one_teacher_per_task": True},
            {"teachers": None, "teacher": TEACHERS["small"]},
            "generate.one_teacher_per_task: the recipe has one `teacher`",
        ),
        ({"privileges": ["unguided"]}, {"measure": {"gap": {}}}, "measure.gap.scorer: `teachers` are several models"),
    ],
)
def test_what_cannot_be_is_said_with_its_place(
    generate: dict[str, Any], sections: dict[str, Any], expected: str
) -> None:
    assert expected in problem(generate, **sections)


def test_a_teacher_may_only_write_critiques() -> None:
    only = {"teacher": "small"}
    critics = {"critique": only | {"critic": "Qwen/Qwen3-8B"}}
    given = recipe({"privileges": [{"unguided": only}, critics]})
    assert given.tracing_teachers == ["small"]
    assert list(given.every_teacher) == ["small", "Qwen/Qwen3-8B"]


def test_probed_teachers_have_unguided_attempts_whoever_answers_under_it() -> None:
    generate = {"privileges": [{"unguided": {"teacher": "small"}}, "peers"], "select": {}}
    assert recipe(generate).generate is not None


def test_a_recipe_of_traces_names_no_teachers() -> None:
    traces = [{"from": "traces.jsonl", "columns": {"trace": "text"}}]
    expected = "takes its traces from there; remove `teachers`"
    with pytest.raises(RecipeError, match=expected):
        recipe_from_dict({"name": "x", "import": traces, "teachers": TEACHERS}, Path())
