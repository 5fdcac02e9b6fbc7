"""The section `publish.recovery`: words that are used, and attempts that there can be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from infogap.recipe import Recipe, RecipeError, dump_recipe, load_recipe, recipe_from_dict

BOTH = ["recovery", "recovery_trace"]


def recipe(publish: dict[str, Any], **generate: Any) -> Recipe:
    data = {
        "name": "x",
        "tasks": [{"from": "tasks.jsonl"}],
        "teacher": {"backend": "openai", "base_url": "http://localhost:1/v1", "model": "m"},
        "generate": {"samples": 2, "privileges": ["unguided", "verifier"], **generate},
        "publish": publish,
    }
    return recipe_from_dict(data, Path()).recipe


@pytest.mark.parametrize(
    ("publish", "generate", "expected"),
    [
        ({"recovery": {}}, {}, "publish.recovery: `recovery` is not published; add it to publish.configs"),
        (
            {"configs": ["recovery"], "recovery": {"doubt": "Hmm."}},
            {},
            "publish.recovery.doubt: it is said in `recovery_trace`, which is not published",
        ),
        (
            {"configs": ["recovery_trace"], "recovery": {"verdict": "No."}},
            {},
            "publish.recovery.verdict: it is said in `recovery`, which is not published",
        ),
        ({"configs": BOTH, "recovery": {"doubt": "  "}}, {}, "publish.recovery.doubt: should say something"),
        (
            {"configs": BOTH, "recovery": {"words": "x"}},
            {},
            "publish.recovery.words: unknown key; allowed: verdict, doubt",
        ),
        (
            {"configs": BOTH, "thinking": "drop"},
            {},
            "publish.configs: `recovery_trace` is made of thoughts, which `thinking: drop` leaves out",
        ),
        (
            {"configs": ["recovery"]},
            {"samples": 1, "privileges": ["unguided"]},
            "publish.configs: `recovery` pairs a wrong with a corrected attempt, and each task has one trace; raise",
        ),
    ],
)
def test_what_cannot_be_is_refused(publish: dict[str, Any], generate: dict[str, Any], expected: str) -> None:
    with pytest.raises(RecipeError) as raised:
        recipe(publish, **generate)
    (line,) = str(raised.value).splitlines()
    assert expected in line


def test_one_sample_is_enough_where_an_attempt_is_corrected() -> None:
    recipe({"configs": BOTH}, samples=1)
    recipe({"configs": ["recovery"], "thinking": "drop"}, samples=1)
    recipe({"configs": BOTH}, privileges=["unguided"])


def test_a_recipe_is_written_and_read_again(tmp_path: Path) -> None:
    given = recipe({"configs": BOTH, "recovery": {"verdict": " No. ", "doubt": "Hmm."}})
    assert given.publish.recovery is not None and given.publish.recovery.verdict == "No."
    (tmp_path / "recipe.yaml").write_text(dump_recipe(given))
    assert load_recipe(tmp_path / "recipe.yaml").recipe == given
    plain = dump_recipe(recipe({"configs": BOTH}))
    assert "recovery:" not in plain
