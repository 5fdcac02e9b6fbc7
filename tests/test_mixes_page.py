"""Every recipe in docs/mixes.md makes, of a pool that can supply it, the mix that the page says."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pytest

from balance.mix_runs import chosen, make_mix, make_run, reasons, trace
from infogap.runs.run_folder import Run
from infogap.runs.stage import Outcome

ROOT = Path(__file__).parents[1]
SECTIONS = re.findall(r"```yaml\nbalance:\n(.*?)```", (ROOT / "docs" / "mixes.md").read_text(), re.DOTALL)
BANDS = ("uncertain", "mixed", "confident")
_CROSSED = ("few-unguided", "few-solution", "many-unguided", "many-solution")
PRIVILEGES = ("unguided", "hint", "solution")


def pool(teachers: tuple[str, ...]) -> list[dict[str, object]]:
    """Six families, twelve tasks of each, twelve traces of each task: every fifth wrong, bands and lengths in turn."""
    return [
        trace(
            f"f{family}-{task:02d}",
            family=f"f{family}",
            privilege=PRIVILEGES[sample % 3],
            band=BANDS[(sample // 3 + task) % 3],
            verdict="wrong" if (task + sample) % 5 == 0 else "correct",
            teacher=teachers[sample % len(teachers)],
            words=30 + (37 * sample + 11 * task + 5 * family) % 120,
            completion_tokens=40 + (37 * sample + 11 * task) % 120,
            epistemic_density=(7.3 * sample + 1.7 * task + 0.1 * family) % 20,
            self_corrections=(2 * sample + family) % 24,
        )
        for family in range(6)
        for task in range(12)
        for sample in range(12)
    ]


def made(section: str, folder: Path) -> tuple[Run, Outcome]:
    """The run of the page's section on the pool, and what the stage returned."""
    teachers = ("small", "large") if "allow_mixed_teachers" in section else ("small",)
    run = make_run(folder, f"\n{section}", pool(teachers))
    return run, make_mix(run)


def section_with(text: str) -> str:
    (section,) = [section for section in SECTIONS if text in section]
    return str(section)


def test_the_page_has_recipes() -> None:
    assert len(SECTIONS) == 14


@pytest.mark.parametrize("section", SECTIONS, ids=range(len(SECTIONS)))
def test_a_recipe_of_the_page_meets_all_of_its_targets(section: str, tmp_path: Path) -> None:
    _, outcome = made(section, tmp_path)
    assert outcome.shortfall is None
    for figures in outcome.counts["mixes"].values():
        assert figures["size"] == figures["target_size"] > 0
        for values in figures["axes"].values():
            for cell in values.values():
                assert cell["target"] in (None, cell["achieved"])


def test_shares_within_a_column_hold_in_each_of_its_values(tmp_path: Path) -> None:
    run, _ = made(section_with("given: family"), tmp_path)
    mix = chosen(run)
    assert set(mix["family"].value_counts()["count"]) == {20}
    assert set(mix.group_by("family", "band").len()["len"]) == {10}
    assert mix.filter(privilege="solution")["verdict"].unique().to_list() == ["correct"]


def test_bounds_and_the_condition_hold(tmp_path: Path) -> None:
    run, _ = made(section_with("floor: 10"), tmp_path)
    mix = chosen(run)
    assert mix.filter(privilege="solution").height == 20
    assert 10 <= min(mix["family"].value_counts()["count"]) <= max(mix["family"].value_counts()["count"]) <= 30
    assert max(mix["task_id"].value_counts()["count"]) <= 2
    assert reasons(run)["excluded_by_where"] > 0


def test_bands_within_a_family_are_its_own(tmp_path: Path) -> None:
    run, _ = made(section_with("within: family"), tmp_path)
    band = pl.col("stratum").str.extract(r"band=(\w+)")
    for (_,), family in chosen(run).with_columns(band=band).group_by("family"):
        ranges = family.group_by("band").agg(
            low=pl.col("epistemic_density").min(), high=pl.col("epistemic_density").max()
        )
        of = {name: (low, high) for name, low, high in ranges.iter_rows()}
        assert of["confident"][1] <= of["mixed"][0] <= of["mixed"][1] <= of["uncertain"][0]


def test_a_size_in_tokens_is_filled(tmp_path: Path) -> None:
    run, outcome = made(section_with("tokens: 4k"), tmp_path)
    tokens = chosen(run)["completion_tokens"].sum()
    assert 0.9 * 4_000 <= tokens <= 4_000
    assert outcome.notes[0].startswith(f"{tokens:,} of 4,000 tokens")


def test_the_series_is_nested_and_of_equal_size(tmp_path: Path) -> None:
    run, _ = made(section_with("tasks: [1, 4, 8]"), tmp_path)
    sets = [chosen(run, f"tasks-{tasks}") for tasks in (1, 4, 8)]
    assert [each.height for each in sets] == [8, 8, 8]
    tasks = [set(each["task_id"]) for each in sets]
    assert [len(each) for each in tasks] == [1, 4, 8]
    assert tasks[0] < tasks[1] < tasks[2]


def test_the_matched_sets_differ_in_the_privilege_alone(tmp_path: Path) -> None:
    run, _ = made(section_with("sft-solution"), tmp_path)
    one, other = chosen(run, "sft-unguided"), chosen(run, "sft-solution")
    assert one.height > 0
    for columns in (["task_id"], ["task_id", "band"]):
        assert one.group_by(columns).len().sort(columns).equals(other.group_by(columns).len().sort(columns))
    lengths = [frame.sort("task_id", "band", "words")["words"] for frame in (one, other)]
    assert all(max(pair) <= 1.25 * min(pair) for pair in zip(*lengths, strict=True))


def test_the_four_mixes_cross_privilege_and_coverage(tmp_path: Path) -> None:
    run, _ = made(section_with("few-unguided"), tmp_path)
    tasks = {name: dict(chosen(run, name)["task_id"].value_counts().iter_rows()) for name in _CROSSED}
    assert {sum(each.values()) for each in tasks.values()} == {24}
    assert tasks["few-unguided"] == tasks["few-solution"]
    assert tasks["many-unguided"] == tasks["many-solution"]
    assert set(tasks["few-unguided"]) < set(tasks["many-unguided"])


def test_one_teacher_answers_each_task(tmp_path: Path) -> None:
    run, _ = made(section_with("teacher_per_task"), tmp_path)
    mix = chosen(run)
    assert mix["teacher"].n_unique() == 2
    assert max(mix["teacher"].value_counts()["count"]) <= 24
    assert mix.group_by("task_id").agg(pl.col("teacher").n_unique())["teacher"].unique().to_list() == [1]
