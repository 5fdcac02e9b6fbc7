"""Settings of preference pairs that cannot be: refused with the key to blame, in words that say what to write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from infogap.recipe import Recipe, RecipeError, dump_recipe, load_recipe, recipe_from_dict

SERVER = {"backend": "openai", "base_url": "http://localhost:1/v1"}
TEACHERS = {name: SERVER | {"model": name} for name in ("small", "big")}
PUBLISH = {"configs": ["sft", "preference", "rl"]}
UNGUIDED, SOLUTION = {"privilege": "unguided"}, {"privilege": "solution"}
BOTH_TEACHERS = {"chosen": {"teacher": "big"}, "rejected": {"teacher": "small"}}
PRIVILEGES = ["unguided", "solution"]


def recipe(preference: Any, generate: dict[str, Any] | None = None, **sections: Any) -> Recipe:
    data: dict[str, Any] = {
        "name": "x",
        "tasks": [{"from": "tasks.jsonl", "columns": {"solution": "solution"}}],
        "teacher": SERVER | {"model": "m"},
        "generate": {"privileges": PRIVILEGES} | (generate or {}),
        "publish": PUBLISH | ({} if preference is None else {"preference": preference}),
    } | sections
    return recipe_from_dict({key: value for key, value in data.items() if value is not None}, Path()).recipe


def problem(preference: Any, generate: dict[str, Any] | None = None, **sections: Any) -> str:
    with pytest.raises(RecipeError) as raised:
        recipe(preference, generate, **sections)
    (line,) = str(raised.value).splitlines()
    return line


@pytest.mark.parametrize(
    ("preference", "expected"),
    [
        ({"chosen": UNGUIDED}, "preference.chosen.privilege: `privilege` is named for `chosen` alone; name it on both"),
        ({"rejected": {"teacher": "m"}}, "preference.rejected.teacher: `teacher` is named for `rejected` alone"),
        ({"chosen": {"verdict": "wrong"}}, "preference.chosen.verdict: `by: verdict` chooses correct traces"),
        (
            {"rejected": {"verdict": ["wrong", "correct"]}},
            "rejected.verdict: `by: verdict` rejects traces that are not",
        ),
        (
            {"by": "band", "chosen": {"band": "confident"}},
            "preference.chosen.band: `by: band` chooses the more uncertain",
        ),
        ({"by": "band", "rejected": {"band": "uncertain"}}, "preference.rejected.band: `by: band` chooses the more"),
        ({"by": "band", "chosen": {"band": "mixed"}, "rejected": {"band": "mixed"}}, "no pair has these"),
        (
            {"by": "band", "chosen": {"verdict": "correct"}, "rejected": {"verdict": "wrong"}},
            "rejected.verdict: with `by: band` both traces have one verdict",
        ),
        ({"by": "privilege"}, "preference.by: `by: privilege` chooses one privilege over another; name them:"),
        (
            {"by": "privilege", "chosen": UNGUIDED, "rejected": {"privilege": PRIVILEGES}},
            "rejected.privilege: `by: privilege` chooses one privilege over another, and 'unguided' is on both sides",
        ),
        (
            {"by": "band", "pairs": "shortest_right_longest_wrong"},
            "preference.pairs: it pairs correct with wrong traces, as `by: verdict` does; found `by: band`",
        ),
        (
            {"pairs": "shortest_right_longest_wrong", "length": 0.2},
            "preference.length: `pairs: shortest_right_longest_wrong` looks for traces of unlike length",
        ),
        ({"pairs": "longest"}, 'preference.pairs: found "longest" (text); allowed: closest_in_doubt, shortest_right'),
        ({"length": 0}, "preference.length: should be greater than 0"),
        ({"by": "length"}, 'preference.by: found "length" (text); allowed: verdict, band'),
        ({"chosen": {"privilege": []}, "rejected": SOLUTION}, "preference.chosen.privilege: should have at least 1"),
        ({"chosen": UNGUIDED, "rejected": {"privilege": ["solution", "solution"]}}, "'solution' is named twice"),
        ({"chosen": UNGUIDED, "rejected": {"privilege": "solutoin"}}, "'solutoin' is not generated; allowed: unguided"),
        (BOTH_TEACHERS, "chosen.teacher: the recipe has one `teacher`"),
    ],
)
def test_what_cannot_be_is_refused(preference: dict[str, Any], expected: str) -> None:
    if preference is BOTH_TEACHERS:
        with pytest.raises(RecipeError, match=expected):
            recipe(preference)
    else:
        assert expected in problem(preference)


DOUBTLESS = {"chosen": UNGUIDED, "rejected": {"privilege": "unguided/no_doubt"}, "by": "privilege"}
NO_DOUBT = [{"strip_markers": {"as": "no_doubt"}}]


def test_a_side_can_be_of_derived_traces_that_a_mix_takes() -> None:
    for balance in ({"derived": "keep"}, {"mixes": {"one": {}, "both": {"derived": "keep"}}}):
        recipe(DOUBTLESS, derive=NO_DOUBT, balance=balance)
        teachers = {"teacher": None, "teachers": TEACHERS}
        recipe(DOUBTLESS, derive=NO_DOUBT, balance=balance, **teachers)
    said = problem(DOUBTLESS, derive=NO_DOUBT)
    assert "rejected.privilege: 'unguided/no_doubt' is of derived traces, which are in no mix; set `balance.der" in said
    assert "'unguided/no_doubt' is not generated; allowed: unguided, solution (did" in problem(DOUBTLESS)


def test_a_section_is_for_a_config_that_is_published() -> None:
    for name, section in (("preference", {"by": "band"}), ("rl", {"repeat_to": 8})):
        said = problem(None, publish={"configs": ["sft"], name: section})
        assert f"publish.{name}: `{name}` is not published; add it to publish.configs" in said


@pytest.mark.parametrize("repeat_to", [0, -1, "many", None])
def test_rows_are_repeated_to_a_number(repeat_to: object) -> None:
    assert "publish.rl.repeat_to: " in problem(None, publish=PUBLISH | {"rl": {"repeat_to": repeat_to}})


@pytest.mark.parametrize(
    ("preference", "privileges", "more", "expected"),
    [
        (
            {"chosen": {"teacher": "bag"}, "rejected": {"teacher": "small"}},
            PRIVILEGES,
            {},
            "chosen.teacher: 'bag' is not one of `teachers`; allowed: small, big (did you mean 'big'?)",
        ),
        (
            {"chosen": UNGUIDED | {"teacher": "small"}, "rejected": SOLUTION | {"teacher": "small"}},
            ["unguided", {"solution": {"teacher": "big"}}],
            {},
            "preference.rejected: none of these teachers answers under these privileges",
        ),
        (
            {"chosen": UNGUIDED, "rejected": SOLUTION},
            [{"unguided": {"teacher": "small"}}, {"solution": {"teacher": "big"}}],
            {},
            "publish.preference: the traces of the two sides have no teacher in common; name `teacher` on both",
        ),
        (
            BOTH_TEACHERS,
            [{"unguided": {"teacher": "small"}}, {"solution": {"teacher": "big"}}],
            {},
            "publish.preference: the traces of the two sides have no privilege in common; name `privilege` on both",
        ),
        (
            BOTH_TEACHERS,
            PRIVILEGES,
            {"one_teacher_per_task": True},
            "`one_teacher_per_task` gives each task one teacher",
        ),
    ],
)
def test_sides_that_no_teacher_can_fill_are_refused(
    preference: dict[str, Any], privileges: list[Any], more: dict[str, Any], expected: str
) -> None:
    said = problem(preference, {"privileges": privileges} | more, teacher=None, teachers=TEACHERS)
    assert expected in said


def test_one_trace_of_each_suffices_for_pairs_that_cross() -> None:
    across = {"chosen": UNGUIDED, "rejected": SOLUTION}
    recipe(across, {"samples": 1})
    recipe(BOTH_TEACHERS, {"samples": 1}, teacher=None, teachers=TEACHERS)
    assert "pairs two traces of one task" in problem({"by": "band"}, {"samples": 1})
    recipe(across | {"by": "privilege"}, {"samples": 1})
    assert "pairs a correct with a wrong" in problem({"pairs": "shortest_right_longest_wrong"}, {"samples": 1})
    one = {"chosen": UNGUIDED, "rejected": UNGUIDED}
    assert "pairs a correct with a wrong trace" in problem(one, {"samples": 1})


def test_traces_of_a_probe_can_be_paired() -> None:
    probed = {"privileges": ["solution"], "select": {"samples": 4}}
    recipe({"chosen": UNGUIDED, "rejected": SOLUTION}, probed)


def test_a_recipe_is_written_and_read_again(tmp_path: Path) -> None:
    asked = {"by": "band", "chosen": UNGUIDED | {"verdict": "correct"}, "rejected": SOLUTION, "length": 0.2}
    given = recipe(asked, publish=PUBLISH | {"preference": asked, "rl": {"repeat_to": 512}})
    (tmp_path / "recipe.yaml").write_text(dump_recipe(given))
    assert load_recipe(tmp_path / "recipe.yaml").recipe == given
    assert "pairs:" not in dump_recipe(given)
    plain = dump_recipe(recipe(None)).splitlines()
    assert not {"  preference:", "  rl:"} & {*plain}
