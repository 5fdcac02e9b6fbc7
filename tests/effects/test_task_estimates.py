"""Estimates of means over tasks, and how they are shown."""

from __future__ import annotations

import polars as pl

from infogap.effects.compared_traces import SCORE
from infogap.effects.estimate_rows import interval
from infogap.effects.task_estimates import Estimate, bootstrap_seed, over_same_tasks


def test_a_mean_without_an_interval_is_not_called_a_difference() -> None:
    nearly_all = Estimate(SCORE, tasks=40, differing=4, mean=0.9, low=None, high=None)
    assert interval(nearly_all) == "all but 4 alike"
    assert interval(nearly_all, sign="+") == "only 4 differ"
    assert interval(Estimate(SCORE, 40, 0, 1.0, None, None)) == "all tasks alike"
    assert interval(Estimate(SCORE, 3, 2, 0.5, None, None)) == "too few tasks"


def test_keys_over_the_same_tasks_are_together() -> None:
    rows = {
        name: pl.DataFrame({"task_id": tasks}, schema={"task_id": pl.String})
        for name, tasks in {"a": ["1", "2"], "b": ["1", "3"], "c": ["1", "2"], "none": [], "d": ["1"]}.items()
    }
    found = [(tasks.to_list(), keys) for tasks, keys in over_same_tasks(rows)]
    assert found == [(["1", "2"], ["a", "c"]), (["1", "3"], ["b"]), (["1"], ["d"])]


def test_the_seed_of_resamples_is_of_the_recipe_and_the_tasks() -> None:
    seeds = {bootstrap_seed(seed, pl.Series(tasks)) for seed in (1, 2) for tasks in (["a", "b"], ["ab"], ["b", "a"])}
    assert len(seeds) == 6
