"""What the finding predicts of a mix: from its figures, and everywhere that it is said."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli import in_process
from infogap.effects.evenness import effective_number
from infogap.effects.mix_outlook import (
    MixProfile,
    is_rich,
    mix_profiles,
    outlook,
    planned_profiles,
)
from infogap.privileges.ladder import ladder
from infogap.recipe import recipe_from_dict
from infogap.runs.run_folder import Run

RICH = MixProfile(
    planned=False,
    rich=0.9,
    unknown=0.0,
    confident=0.8,
    unguided_confident=0.2,
    tasks=600,
    families=20,
    effective_families=14.2,
)


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({}, "rich_and_broad"),
        ({"tasks": 100}, "rich_and_broad"),  # of many families
        ({"tasks": 100, "effective_families": 2.0}, "rich"),
        ({"tasks": 512, "families": 1, "effective_families": 1.0}, "rich_and_broad"),
        ({"tasks": 64}, "rich_and_narrow"),
        ({"tasks": 1, "families": 0, "effective_families": None}, "rich_and_narrow"),
        ({"rich": 0.4}, "not_rich"),
        ({"confident": 0.4}, "not_rich"),
        ({"confident": None}, "rich_and_broad"),
        ({"planned": True, "tasks": None, "families": None, "effective_families": None}, "rich"),
    ],
)
def test_kinds(changes: dict[str, Any], kind: str) -> None:
    profile = replace(RICH, **changes)
    assert profile.kind == kind
    said = " ".join(profile.sentences())
    assert ("2603.24472" in said) == ("2603.05433" in said) == ("2602.11149" in said) == (kind != "not_rich")
    assert ("Rich and broad is where Kim" in said) == (kind == "rich_and_broad")
    assert ("harmless" in said) == (kind == "rich_and_narrow")


def test_sentences_give_the_figures() -> None:
    first, *_ = RICH.sentences()
    assert first == (
        "Rich and broad: 90% of the traces come from teachers that saw the answer or a solution, 80% are `confident`, "
        "600 tasks, 20 families (effective number 14.2)."
    )
    assert not any("little doubt to lose" in sentence for sentence in RICH.sentences())
    assert any("little doubt to lose" in each for each in replace(RICH, unguided_confident=0.95).sentences())
    assert any("privilege of 40% of the traces is not known" in each for each in replace(RICH, unknown=0.4).sentences())


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=30))
def test_the_effective_number_is_between_one_and_the_number(counts: list[int]) -> None:
    assert 1 - 1e-9 <= effective_number(counts) <= len(counts) + 1e-9
    assert effective_number([7] * len(counts)) == pytest.approx(len(counts))


def test_which_privileges_are_rich() -> None:
    rich = {privilege.name for privilege in ladder() if is_rich(privilege)}
    assert rich == {
        "answer",
        "peers",
        "solution_no_think",
        "regenerated",
        "solution",
        "confident_rewrite",
        "uncertain_rewrite",
    }


def recipe(**sections: Any) -> dict[str, Any]:
    tasks = [{"from": "reasoning_gym", "names": ["chain_sum"], "count": 3}]
    privileges = {"samples": 1, "privileges": ["unguided", "answer", {"answer": {"as": "told"}}]}
    return {
        "name": "r",
        "tasks": tasks,
        "teacher": {"backend": "embedded"},
        "generate": privileges,
    } | sections


def planned(folder: Path, tasks: pl.DataFrame | None = None, **balance: Any) -> MixProfile:
    (profile,) = planned_profiles(recipe_from_dict(recipe(balance=balance), folder).recipe, tasks).values()
    return profile


def test_a_recipe_says_what_it_asks_for(tmp_path: Path) -> None:
    profile = planned(tmp_path)
    assert profile.rich == pytest.approx(2 / 3)
    assert (profile.confident, profile.tasks, profile.kind) == (None, None, "rich")
    assert "check --plan" in " ".join(profile.sentences())
    bands = {"confident": 0.6, "mixed": 0.4}
    mixed = planned(tmp_path, privilege={"unguided": 0.75, "answer": 0.25}, band={"shares": bands})
    assert (mixed.rich, mixed.confident, mixed.kind) == (0.25, 0.6, "not_rich")
    assert planned(tmp_path, band="uniform").confident == pytest.approx(1 / 3)
    assert planned(tmp_path, band={"floor": {"confident": 0.2}}).confident is None
    broad = planned(tmp_path, pl.DataFrame({"family": ["a"] * 300 + ["b"] * 300}))
    assert (broad.tasks, broad.families, broad.kind) == (600, 2, "rich_and_broad")
    assert broad.effective_families == pytest.approx(2)
    covered = planned(tmp_path, size=100, coverage={"families": 20, "tasks_per_family": 5})
    assert (covered.tasks, covered.families, covered.kind) == (100, 20, "rich_and_broad")


def test_imports_ask_for_no_privileges(tmp_path: Path) -> None:
    imported = {"name": "i", "import": [{"from": "x.jsonl", "columns": {"question": "q", "trace": "t"}}]}
    assert planned_profiles(recipe_from_dict(imported, tmp_path).recipe) == {}


def test_of_several_mixes_each_is_placed_and_each_prediction_said_once(tmp_path: Path) -> None:
    mixes = {"coverage": {"tasks": [8, 64, 512], "per_task": 1}}
    profiles = planned_profiles(recipe_from_dict(recipe(balance={"mixes": mixes}), tmp_path).recipe)
    assert {name: each.kind for name, each in profiles.items()} == {
        "tasks-8": "rich_and_narrow",
        "tasks-64": "rich_and_narrow",
        "tasks-512": "rich_and_broad",
    }
    said = outlook(profiles)
    assert [sentence.split(":")[0] for sentence in said[:3]] == ["`tasks-8`", "`tasks-64`", "`tasks-512`"]
    assert [sum(text in sentence for sentence in said) for text in ("harmless", "2605", "2602.11149")] == [1, 0, 1]
    assert len(said) == 6


def infogap(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    done = in_process.infogap(*arguments, cwd=cwd, columns=300)
    assert done.returncode == 0, done.stderr
    return done


def test_check_says_it_before_anything_is_generated(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text(json.dumps(recipe()))
    assert "Rich: 67% of the traces are to come from teachers" in infogap("check", "recipe.yaml", cwd=tmp_path).stderr
    plan = infogap("check", "recipe.yaml", "--plan", cwd=tmp_path).stdout
    assert "Rich and narrow: 67%" in plan
    assert "3 tasks, 1 family (effective number 1.0)" in plan
    as_json = json.loads(infogap("check", "recipe.yaml", "--plan", "--json", cwd=tmp_path).stdout)
    assert as_json["outlook"]["mixes"]["mix"]["kind"] == "rich_and_narrow"


def test_balance_report_and_card_say_it_of_the_mix(tmp_path: Path) -> None:
    rows = [
        {"q": f"What is {task} + 0?", "a": str(task), "p": privilege, "f": f"family {task % 10}", "t": text}
        for task in range(80)
        for privilege, text in (
            ("unguided", f"Wait, perhaps it is not. Let me check. Maybe \\boxed{{{task}}}"),
            ("solution", f"It is \\boxed{{{task}}}, which is {task} with nothing added to it"),
        )
    ]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    columns = {"question": "q", "answer": "a", "privilege": "p", "trace": "t", "family": "f"}
    mix = {"privilege": {"solution": 0.9, "unguided": 0.1}, "leak": "keep"}
    made = {"name": "m", "import": [{"from": "rows.jsonl", "columns": columns}], "dedupe": None, "balance": mix}
    (tmp_path / "recipe.yaml").write_text(json.dumps(made))
    shown = infogap("run", "recipe.yaml", "--run", "run", cwd=tmp_path).stdout
    figures = (
        "Rich and broad: 90% of the traces come from teachers that saw the answer or a solution, "
        "90% are {}confident{}, 80 tasks, 10 families (effective number"
    )
    assert figures.format("", "") in shown
    assert figures.format("", "") in infogap("balance", "run", cwd=tmp_path).stdout
    assert figures.format("", "") in (tmp_path / "run" / "report" / "index.html").read_text()
    assert figures.format("`", "`") in (tmp_path / "run" / "dataset" / "README.md").read_text()
    profile = mix_profiles(Run.open(tmp_path / "run"))["mix"]
    assert (profile.unguided_confident, profile.unknown) == (0.0, 0.0)
    found = json.loads(infogap("balance", "run", "--json", cwd=tmp_path).stdout)
    assert found["outlook"]["mix"] == json.loads(json.dumps(profile.as_json()))
    assert profile.effective_families == pytest.approx(found["mixes"]["mix"]["effective_families"], abs=1e-6)
