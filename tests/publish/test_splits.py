"""Splits that share no task and no cluster of questions, shares met as exactly as can be."""

from __future__ import annotations

import json
import textwrap
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from datasets import load_dataset
from hypothesis import given, settings
from hypothesis import strategies as st

from balance.mix_runs import make_mix, make_run, trace
from infogap.errors import InputError, ShortfallError
from infogap.publish import STAGE
from infogap.publish.configs.traces import EVERY_TRACE
from infogap.publish.splits import _by_shares, _Unit, plan_splits
from infogap.recipe import load_recipe
from infogap.runs.run_folder import Run
from infogap.schema import SHOWN_NOTES

FAMILIES = ("gcd", "sums", "chess")
REPEATED = "A farmer has twelve hens and sells seven of them at the market on Monday morning, how many hens are left"
SPLITS = "{train: 0.8, validation: 0.1, test: 0.1}"


def split_run(folder: Path, tasks: int, splits: str = SPLITS, balance: str = "{}", alike: int = 0) -> Run:
    """Tasks of three families with two traces each; the first `alike` have questions that nearly repeat each other."""
    traces = [trace(f"t{n:03d}", family=FAMILIES[n % 3]) for n in range(tasks) for _ in range(2)]
    questions = {f"t{n:03d}": f"{REPEATED} {'then' * (n % 2)}" if n < alike else f"Task {n}?" for n in range(tasks)}
    run = make_run(folder, f"{balance}\npublish: {{configs: [sft, traces, rl], splits: {splits}}}", traces, questions)
    make_mix(run)
    return run


def of_config(run: Run, config: str) -> dict[str, pl.DataFrame]:
    """The rows of each split of a config, as published."""
    folder = run.path / "dataset" / "data" / config
    names = sorted({path.name.split("-")[0] for path in folder.iterdir()})
    return {name: pl.read_parquet(folder / f"{name}-*.parquet") for name in names}


def tasks_of(run: Run, config: str) -> dict[str, set[str]]:
    key = pl.col("extra_info").struct.field("task_id") if config == "rl" else pl.col("task_id")
    return {name: set(rows.select(key).to_series()) for name, rows in of_config(run, config).items()}


def test_every_config_has_the_same_tasks_in_a_split_and_no_task_in_two(tmp_path: Path) -> None:
    run = split_run(tmp_path, 40)
    STAGE.make(run)
    sft, traces, rl = (tasks_of(run, config) for config in ("sft", "traces", "rl"))
    assert sft == traces == rl
    assert {name: len(ids) for name, ids in sft.items()} == {"train": 32, "validation": 4, "test": 4}
    assert len(set.union(*sft.values())) == 40
    for name, rows in of_config(run, "rl").items():
        assert rows["extra_info"].struct.field("split").unique().to_list() == [name]
        assert rows["extra_info"].struct.field("index").to_list() == list(range(rows.height))
    for rows in of_config(run, "sft").values():
        assert rows["trace_id"].is_sorted()


def test_datasets_loads_every_split_with_equal_features(tmp_path: Path) -> None:
    run = split_run(tmp_path, 20)
    STAGE.make(run)
    for config in ("sft", "traces", "rl"):
        loaded = load_dataset(str(run.path / "dataset"), config, cache_dir=str(tmp_path / "cache"))
        assert list(loaded) == ["train", "validation", "test"]
        assert len({str(split.features) for split in loaded.values()}) == 1
    made = json.loads((run.path / "dataset" / "infogap.json").read_bytes())
    assert made["splits"]["test"] == {"share": 0.1, "tasks": 2, "clusters": 2}
    card = (run.path / "dataset" / "README.md").read_text()
    assert "| `test` | 2 | 10.0% | 2 |\n" in card
    assert (
        "| rows of | `train` | `validation` | `test` |\n| --- | ---: | ---: | ---: |\n| `sft` | 32 | 4 | 4 |\n" in card
    )


def test_without_splits_everything_is_in_train_as_before(tmp_path: Path) -> None:
    run = make_run(tmp_path, "{}\npublish: {configs: [sft]}", [trace("a")], {"a": "Task?"})
    make_mix(run)
    STAGE.make(run)
    assert [path.name for path in (run.path / "dataset/data/sft").iterdir()] == ["train-00000-of-00001.parquet"]
    assert "splits" not in json.loads((run.path / "dataset" / "infogap.json").read_bytes())


def test_questions_that_nearly_repeat_each_other_share_a_split(tmp_path: Path) -> None:
    run = split_run(tmp_path, 40, alike=6)
    outcome = STAGE.make(run)
    split_of = {task: name for name, tasks in tasks_of(run, "sft").items() for task in tasks}
    assert len({split_of[f"t{n:03d}"] for n in range(6)}) == 1
    assert Counter(split_of.values()) == {"train": 32, "validation": 4, "test": 4}  # the cluster fits into train alone
    assert not any("splits" in note for note in outcome.notes)


def test_a_cluster_too_large_for_the_shares_is_said(tmp_path: Path) -> None:
    run = split_run(tmp_path, 20, "{train: 0.5, test: 0.5}", alike=16)
    outcome = STAGE.make(run)
    note = next(note for note in outcome.notes if note.startswith("splits"))
    assert (
        "`train` has 80.0% of the tasks instead of 50.0%" in note
        or "`test` has 80.0% of the tasks instead of 50.0%" in note
    )
    assert "has 16 tasks (the first is t000)" in note


def test_a_split_without_tasks_is_a_shortfall(tmp_path: Path) -> None:
    run = split_run(tmp_path, 4)
    with pytest.raises(
        ShortfallError, match=r"`(validation|test)` would have no task \(0\.1 of 4 tasks\); give it a larger"
    ):
        STAGE.make(run)
    alike = split_run(tmp_path / "alike", 10, alike=10)
    with pytest.raises(ShortfallError, match="10 of them have near-duplicate questions"):
        STAGE.make(alike)


def test_shares_hold_for_the_mix_and_few_tasks_move_when_the_run_grows(tmp_path: Path) -> None:
    small = split_run(tmp_path / "small", 200, balance="{size: 60, max_per_task: 1}")
    large = split_run(tmp_path / "large", 260, balance="{size: 60, max_per_task: 1}")
    for run in (small, large):
        STAGE.make(run)
        assert {name: len(ids) for name, ids in tasks_of(run, "sft").items()} == {
            "train": 48,
            "validation": 6,
            "test": 6,
        }
    before, after = (plan_splits(run) for run in (small, large))
    assert before is not None and after is not None
    both = before.tasks.join(after.tasks, on="task_id", suffix="_after")
    assert (both["split"] == both["split_after"]).mean() > 0.9  # type: ignore[operator]


def test_held_out_families_are_a_split_of_their_own(tmp_path: Path) -> None:
    run = split_run(tmp_path, 30, "{train: 0.9, validation: 0.1, test: {families: [chess]}}")
    STAGE.make(run)
    families = {name: set(rows["family"]) for name, rows in of_config(run, "sft").items()}
    assert families == {"train": {"gcd", "sums"}, "validation": families["validation"], "test": {"chess"}}
    assert families["validation"] <= {"gcd", "sums"}
    assert {name: rows.height for name, rows in of_config(run, "sft").items()} == {
        "train": 36,
        "validation": 4,
        "test": 20,
    }


def test_what_nearly_repeats_a_held_out_question_goes_with_it(tmp_path: Path) -> None:
    run = split_run(tmp_path, 30, "{train: 1.0, test: {families: [chess]}}", alike=3)
    outcome = STAGE.make(run)
    assert {"t000", "t001"} < tasks_of(run, "sft")["test"]
    assert any("2 tasks of other families are in `test`" in note for note in outcome.notes)


def test_families_held_out_of_every_mix_have_their_split(tmp_path: Path) -> None:
    splits = "{train: 0.9, validation: 0.1, test: held_out}"
    run = split_run(tmp_path, 30, splits, balance="{hold_out: {families: [chess]}}")
    outcome = STAGE.make(run)
    assert sorted(of_config(run, "sft")) == ["train", "validation"]
    assert set(of_config(run, "traces")["test"]["family"]) == {"chess"}
    assert "splits: the config `sft` has no rows in `test`" in outcome.notes


@pytest.mark.parametrize(
    ("splits", "balance", "message"),
    [
        ("{train: 0.9, test: 0.2}", "{}", "add up to 1, held-out families aside; they add up to 1.1"),
        ("{train: 1.0}", "{}", "at least 2"),
        ("{train: 0.5, all: 0.5}", "{}", "is not 'all'; found 'all'"),
        ("{train: 0.5, a-b: 0.5}", "{}", "found 'a-b'"),
        ("{train: 0.5, Train: 0.5}", "{}", "'train' is named twice"),
        ("{train: 1.0, test: held_out}", "{}", "no family is held out"),
        (SPLITS, "{hold_out: {families: 1}}", "need a split of their own, one: `test: held_out`"),
        ("{train: 1.0, test: {families: [chess]}}\n  rl: {repeat_to: 4}", "{}", "leave one of them out"),
    ],
)
def test_what_cannot_be_is_refused_with_the_recipe(splits: str, balance: str, message: str, tmp_path: Path) -> None:
    recipe = f"""
name: demo
import: [{{from: t.jsonl, columns: {{trace: text}}}}]
balance: {balance}
publish:
  configs: [sft, rl]
  splits: {splits}
"""
    (tmp_path / "recipe.yaml").write_text(textwrap.dedent(recipe))
    with pytest.raises(InputError) as raised:
        load_recipe(tmp_path / "recipe.yaml")
    assert message in str(raised.value)


def test_a_config_of_others_is_divided_by_its_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = split_run(tmp_path, 20)
    monkeypatch.setattr(
        "infogap.publish.dataset_folder.views_asked_for",
        lambda _run: iter([(replace(EVERY_TRACE, rows=lambda *of: iter(list(EVERY_TRACE.rows(*of)))), "mix")]),
    )
    STAGE.make(run)
    assert {name: len(ids) for name, ids in tasks_of(run, "traces").items()} == {
        "train": 16,
        "validation": 2,
        "test": 2,
    }
    wrong = replace(EVERY_TRACE, rows=lambda *of: iter(list(EVERY_TRACE.rows(*of))), task=pl.col("question"))
    monkeypatch.setattr("infogap.publish.dataset_folder.views_asked_for", lambda _run: iter([(wrong, "mix")]))
    with pytest.raises(InputError, match="the config `traces` has the task Task 0"):
        STAGE.make(run)


def test_a_task_in_two_splits_is_refused_before_anything_is_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = split_run(tmp_path, 20)
    whole = plan_splits

    def wrong(of: Run) -> Any:
        plan = whole(of)
        assert plan is not None
        return replace(plan, tasks=pl.concat([plan.tasks, plan.tasks.head(1).with_columns(split=pl.lit("test"))]))

    monkeypatch.setattr("infogap.publish.dataset_folder.plan_splits", wrong)
    with pytest.raises(InputError, match=r"the task t000 is in more than one split: .*`test` of `sft`"):
        STAGE.make(run)
    assert not (run.path / "dataset").exists()


def show_lessons_of(run: Run, task_ids: list[str]) -> None:
    rows = [
        {"context_id": "c", "note_id": f"n{task_id}", "task_id": task_id, "kind": "lesson", "states_answer": False}
        for task_id in task_ids
    ]
    with run.rewrite(SHOWN_NOTES) as out:
        out.write(SHOWN_NOTES.frame(rows))


def test_tasks_that_lessons_came_from_are_in_the_largest_split(tmp_path: Path) -> None:
    run = split_run(tmp_path, 40)
    before = plan_splits(run)
    assert before is not None
    elsewhere = before.tasks.filter(pl.col("split") != "train")["task_id"].to_list()
    show_lessons_of(run, elsewhere)
    plan = plan_splits(run)
    assert plan is not None
    assert {name: count.tasks for name, count in plan.counts.items()} == {"train": 32, "validation": 4, "test": 4}
    assert set(plan.tasks.filter(pl.col("task_id").is_in(elsewhere))["split"]) == {"train"}
    show_lessons_of(run, plan.tasks["task_id"].to_list())
    with pytest.raises(ShortfallError, match="40 gave lessons, which contexts show, and stay in the largest split"):
        plan_splits(run)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=60),
    st.sampled_from(
        [{"train": 0.8, "validation": 0.1, "test": 0.1}, {"a": 0.5, "b": 0.5}, {"train": 0.98, "test": 0.02}]
    ),
)
def test_every_cluster_is_placed_once_and_shares_are_met_to_within_a_cluster(
    sizes: list[int], shares: dict[str, float]
) -> None:
    units = [_Unit(f"c{n}", f"{n:03d}", {0: size}) for n, size in enumerate(sizes)]
    split_of = _by_shares(units, shares, {})
    assert split_of.keys() == {unit.cluster for unit in units}
    total = sum(sizes)
    for name, share in shares.items():
        placed = sum(size for n, size in enumerate(sizes) if split_of[f"c{n}"] == name)
        assert abs(placed - share * total) <= max(sizes) + 1
        if set(sizes) == {1}:
            assert abs(placed - share * total) < 1
