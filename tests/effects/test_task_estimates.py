"""Bootstrap intervals of means over tasks, and of ratios of such means."""

from __future__ import annotations

import numpy as np
import pytest

from infogap.effects.compared_traces import SCORE
from infogap.effects.estimate_rows import interval
from infogap.effects.task_estimates import FEWEST_TASKS, Estimate, mean_intervals, ratio_intervals


def test_too_few_tasks_are_refused() -> None:
    few = np.ones((FEWEST_TASKS - 1, 1))
    with pytest.raises(ValueError, match="too few"):
        mean_intervals(few, 1)
    with pytest.raises(ValueError, match="too few"):
        ratio_intervals(few, few, 1)


def test_intervals_hold_the_true_mean_as_often_as_they_say() -> None:
    random = np.random.default_rng(5)
    values = random.normal(1.0, 2.0, size=(25, 400))  # 400 experiments over 25 tasks each
    bounds = mean_intervals(values, 1)
    covered = ((bounds[:, 0] <= 1.0) & (bounds[:, 1] >= 1.0)).mean()
    assert 0.92 <= covered <= 0.98


def test_ratios_with_weights_of_one_are_means() -> None:
    values = np.random.default_rng(1).normal(size=(12, 3))
    assert ratio_intervals(values, np.ones_like(values), 7) == pytest.approx(mean_intervals(values, 7))


def test_the_interval_of_a_ratio_covers_it_as_often_as_it_says() -> None:
    """Surprisals of 20 tasks, and ranks that are about three times as large."""
    random, covered = np.random.default_rng(3), 0
    for seed in range(200):
        weights = random.gamma(4, 0.25, size=(20, 1))
        values = 3 * weights + random.normal(0, 1, size=(20, 1))
        low, high = ratio_intervals(values, weights, seed)[0]
        covered += low <= 3 <= high
    assert 0.9 <= covered / 200 <= 0.99


def test_draws_are_counted_alike_with_few_and_with_many_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(3).normal(size=(50, 2))
    plain = mean_intervals(values, seed=1)
    monkeypatch.setattr("infogap.effects.task_estimates._WORTH_COMPILED", 50)
    assert (mean_intervals(values, seed=1) == plain).all()
    assert (ratio_intervals(values, np.ones_like(values), seed=1) == plain).all()
    heavier = ratio_intervals(2 * values, np.full_like(values, 2.0), seed=1)
    assert heavier == pytest.approx(plain)


def test_a_mean_without_an_interval_is_not_called_a_difference() -> None:
    nearly_all = Estimate(SCORE, tasks=40, differing=4, mean=0.9, low=None, high=None)
    assert interval(nearly_all) == "all but 4 alike"
    assert interval(nearly_all, sign="+") == "only 4 differ"
    assert interval(Estimate(SCORE, 40, 0, 1.0, None, None)) == "all tasks alike"
    assert interval(Estimate(SCORE, 3, 2, 0.5, None, None)) == "too few tasks"
