"""Bootstrap intervals of means over tasks, and of ratios of such means: resampled, and computed for many tasks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.random import Generator

from infogap.effects import bootstrap_intervals
from infogap.effects.bootstrap_intervals import (
    FEWEST_TASKS,
    MOST_RESAMPLED,
    Floats,
    how_computed,
    mean_intervals,
    ratio_intervals,
)

MANY = MOST_RESAMPLED + 500


def resampled(monkeypatch: pytest.MonkeyPatch, values: Floats, weights: Floats, seed: int) -> Floats:
    """Return the intervals by resamples, however many tasks there are."""
    with monkeypatch.context() as patch:
        patch.setattr(bootstrap_intervals, "MOST_RESAMPLED", len(values))
        return ratio_intervals(values, weights, seed)


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


def test_small_runs_keep_their_resamples() -> None:
    """The numbers that cards of earlier versions show."""
    values = np.random.default_rng(3).normal(size=(50, 2))
    assert mean_intervals(values, seed=1).tolist() == [[-0.305553654, 0.29880252], [-0.434760932, 0.19459049]]
    heavier = ratio_intervals(2 * values, np.full_like(values, 2.0), seed=1)
    assert heavier == pytest.approx(mean_intervals(values, seed=1))


SHAPES: dict[str, Callable[[Generator], Floats]] = {
    "normal": lambda random: random.normal(0.1, 2, MANY),
    "verdicts": lambda random: (random.random(MANY) < 0.3).astype(float),
    "differences of verdicts": lambda random: random.choice([-1.0, 0.0, 1.0], MANY, p=[0.01, 0.96, 0.03]),
    "lengths": lambda random: random.lognormal(7, 1, MANY),
    "densities, mostly 0": lambda random: random.gamma(0.2, 5, MANY) * (random.random(MANY) < 0.2),
    "heavy tails": lambda random: random.standard_t(3, MANY),
    "thirty leaks": lambda _: (np.arange(MANY) < 30).astype(float),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_with_many_tasks_computed_and_resampled_intervals_agree(shape: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within what two sets of 10,000 resamples differ by: a percentile varies by 0.03 standard errors."""
    values = SHAPES[shape](np.random.default_rng(11))[:, None]
    error = values.std() / np.sqrt(MANY)
    computed = mean_intervals(values, 1)
    assert computed == pytest.approx(resampled(monkeypatch, values, np.ones_like(values), 1), abs=0.12 * error)
    assert (computed == mean_intervals(values, 2)).all(), "no seed decides it"


def test_with_many_tasks_ratios_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(4)
    weights = random.gamma(0.5, 2, size=(MANY, 1))
    values = 3 * weights + random.normal(0, 4, size=(MANY, 1))
    drawn = resampled(monkeypatch, values, weights, 1)
    width = drawn[0, 1] - drawn[0, 0]
    assert ratio_intervals(values, weights, 1) == pytest.approx(drawn, abs=0.03 * width)


def test_columns_that_a_few_tasks_decide_are_resampled_however_many_tasks_there_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    values = np.zeros((MANY, 3))
    values[:, 0] = np.random.default_rng(2).normal(size=MANY)
    values[:7, 1] = [40.0, 1, 1, 1, 1, 1, 1]
    values[:7, 2] = [30.0, -30, 0.1, 0.1, 0.1, 0.1, 0.1]
    found = mean_intervals(values, 5)
    assert (found[1:] == resampled(monkeypatch, values, np.ones_like(values), 5)[1:]).all()
    assert (found[0] != resampled(monkeypatch, values, np.ones_like(values), 5)[0]).any()


def test_many_equal_values_have_an_interval_of_one_point() -> None:
    assert mean_intervals(np.full((MANY, 1), 0.1), 1).tolist() == [[0.1, 0.1]]
    assert mean_intervals(np.zeros((MANY, 1)), 1).tolist() == [[0.0, 0.0]]


def test_turned_round_a_computed_interval_changes_its_sign() -> None:
    values = np.random.default_rng(6).lognormal(0, 1, size=(MANY, 1))
    assert mean_intervals(-values, 1)[:, ::-1] == pytest.approx(-mean_intervals(values, 1))


def test_only_runs_with_many_tasks_say_how_intervals_are_computed() -> None:
    assert how_computed(MOST_RESAMPLED) == ""
    assert "Cornish-Fisher" in how_computed(MOST_RESAMPLED + 1)
