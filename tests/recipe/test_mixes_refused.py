"""What a recipe cannot ask of its mixes, said where it stands; and what named mixes take from the section."""

from __future__ import annotations

from pathlib import Path

import pytest

from infogap.recipe import RecipeError, load_recipe
from infogap.recipe.balance_section import Balance

PAIR = "a: {privilege: {unguided: 1}}, b: {privilege: {solution: 1}}"


def balance_of(folder: Path, text: str) -> Balance:
    path = folder / "recipe.yaml"
    path.write_text(f"name: x\nimport: [{{from: t.jsonl, columns: {{trace: t}}}}]\nbalance: {text}\n")
    return load_recipe(path).recipe.balance


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{words: {quantiles: []}}", "at least 1 item"),
        ("{family: {floor: {a: 0.6, b: 0.6}}}", "the floors add up to 1.2 of the mix; they may add up to 1 at most"),
        ("{family: {floor: 5, cap: 2}}", "the floor, 5, is above the cap, 2"),
        ("{family: {floor: {a: 5}, cap: 2}}", "the floor of 'a', 5, is above the cap, 2"),
        ("{family: {shares: {a: 1.0}, floor: {c: 2}}}", "'c' has a bound and no share"),
        ("{family: {given: family, shares: {a: 1.0}}}", "within the values of the column itself"),
        ("{band: {given: family, shares: {mixed: 1.0}}, family: {cap: 5}}", "`family`, which has bounds alone"),
        ("{size: 100000000000000000000}", "less than or equal to 1000000000000"),
        ("{max_per_task: 100000000000000000000}", "less than or equal to 1000000000000"),
        ("{coverage: {tasks: 100000000000000000000}}", "less than or equal to 1000000000000"),
        ("{coverage: {families: 2, tasks_per_family: 2, effective_families: 2}}", "are not evened out"),
        ("{hold_out: {families: -1}}", "greater than or equal to 1"),
        ("{hold_out: {families: []}}", "at least 1 item"),
        ("{hold_out: {families: [a, a]}}", "'a' is named twice"),
        ("{mixes: {a: {match: {}}}}", "balance.mixes.a.match: unknown key"),
        ("{mixes: {a: {hold_out: {families: 1}}}}", "balance.mixes.a.hold_out: unknown key"),
        ("{mixes: {a: {mixes: {b: {}}}}}", "balance.mixes.a.mixes: unknown key"),
        ("{mixes: {coverage: {tasks: [2, 4], per_task: 1}, tasks-2: {size: 1}}}", "another has that name"),
        ("{mixes: {coverage: {tasks: [2, 2], per_task: 1}}}", "another has that name"),
        ("{mixes: {a: {}, b: {when_short: best_effort}}}", "balance.mixes.b: `when_short: best_effort` needs a `size`"),
        (f"{{mixes: {{{PAIR}}}, match: {{same: [task_id]}}}}", "traces cannot be matched on 'task_id'"),
        (f"{{mixes: {{{PAIR}}}, match: {{same: [band, band]}}}}", "'band' is named twice"),
        (f"{{size: {{words: 9}}, mixes: {{{PAIR}}}, match: {{}}}}", "give a `size` in traces"),
        ("{mixes: {a: {coverage: {tasks: 2}}, b: {}}, match: {}}", "balance.mixes.a: matched mixes cover the same"),
        ("{mixes: {coverage: {tasks: [2, 3], per_task: 1}}, match: {}}", "matched mixes cover the same tasks"),
    ],
)
def test_what_cannot_be_is_said_on_its_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(RecipeError) as error:
        balance_of(tmp_path, text)
    assert message in str(error.value)
    assert all("recipe.yaml:3: balance" in line for line in str(error.value).splitlines())


def test_a_named_mix_has_what_it_needs_from_the_section(tmp_path: Path) -> None:
    mixes = dict(balance_of(tmp_path, "{size: 9, mixes: {a: {when_short: best_effort}}}").named_mixes())
    assert (mixes["a"].size, mixes["a"].when_short) == (9, "best_effort")
    series = dict(balance_of(tmp_path, "{size: 8, mixes: {coverage: {tasks: [1, 4], per_task: fill}}}").named_mixes())
    assert [(name, mix.size) for name, mix in series.items()] == [("tasks-1", 8), ("tasks-4", 8)]
