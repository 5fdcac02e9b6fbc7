"""The config `held_out`: tasks of families that no mix has, with what grades them, to evaluate on."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from datasets import load_dataset

from balance.mix_runs import chosen, make_mix, make_run, trace
from infogap.errors import ShortfallError
from infogap.publish import STAGE
from infogap.recipe import RecipeError
from infogap.schema import TASKS

FAMILIES = ("gcd", "sums", "chess")


def test_it_has_the_tasks_of_the_families_that_the_mix_does_not_have(tmp_path: Path) -> None:
    traces = [trace(f"{family}{n}", family=family) for family in FAMILIES for n in range(3) for _ in range(2)]
    run = make_run(tmp_path, "{hold_out: {families: 1}}\npublish: {configs: [sft, held_out]}", traces)
    make_mix(run)
    STAGE.make(run)
    rows = load_dataset(str(run.path / "dataset"), "held_out", split="train", cache_dir=str(tmp_path / "cache"))
    held_out = {row["extra_info"]["family"] for row in rows}
    assert len(held_out) == 1
    assert held_out.isdisjoint(chosen(run)["family"])
    assert [row["extra_info"]["task_id"] for row in rows] == [f"{held_out.copy().pop()}{n}" for n in range(3)]
    assert {row["reward_model"]["ground_truth"] for row in rows} == {"5"}
    assert {row["extra_info"]["split"] for row in rows} == {"test"}
    assert pl.Series(sorted({*held_out, *chosen(run)["family"]})).to_list() == sorted(FAMILIES)


def test_where_nothing_is_held_out_it_says_what_to_set(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"publish.configs: `held_out` has .* hold some out: `balance: {hold_out:"):
        make_run(tmp_path, "{}\npublish: {configs: [sft, held_out]}", [trace("a")])


def test_where_no_task_that_is_held_out_has_a_gold_answer_it_says_so(tmp_path: Path) -> None:
    run = make_run(
        tmp_path,
        "{hold_out: {families: [b]}}\npublish: {configs: [sft, held_out]}",
        [trace("a"), trace("b", family="b")],
    )
    tasks = run.scan(TASKS).collect()
    with run.rewrite(TASKS) as out:
        out.write(tasks.with_columns(answer=pl.lit(None, dtype=pl.String)))
    make_mix(run)
    outcome = STAGE.make(run)
    assert "nothing to publish as `held_out`: no task with a gold answer is held out" in (outcome.shortfall or "")
    assert [folder.name for folder in (run.path / "dataset" / "data").iterdir()] == ["sft"]


def test_where_nothing_at_all_is_published_nothing_is_written(tmp_path: Path) -> None:
    run = make_run(
        tmp_path, "{hold_out: {families: [b]}}\npublish: {configs: [held_out]}", [trace("a"), trace("b", family="b")]
    )
    tasks = run.scan(TASKS).collect()
    with run.rewrite(TASKS) as out:
        out.write(tasks.with_columns(answer=pl.lit(None, dtype=pl.String)))
    make_mix(run)
    with pytest.raises(ShortfallError, match="nothing to publish as `held_out`"):
        STAGE.make(run)
    assert not (run.path / "dataset").exists()
