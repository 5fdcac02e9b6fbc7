"""The report's first table gives accuracies their intervals, also where resampling has none."""

from __future__ import annotations

import polars as pl
import pytest

from infogap.effects.compared_traces import LENGTH, SCORE
from infogap.effects.task_estimates import Estimate
from infogap.report.privilege_rows import _with_wilson


def values(*each: float) -> pl.DataFrame:
    return pl.DataFrame({"task_id": [str(place) for place in range(len(each))], "value": each, "weight": 1.0})


def test_nearly_all_right_has_wilsons_interval() -> None:
    estimate = _with_wilson(Estimate(SCORE, 40, 4, 0.9, None, None), values(*[1.0] * 36, *[0.0] * 4))
    # Wilson's score interval of 36 of 40, as tables give it
    assert estimate.low == pytest.approx(0.7695, abs=1e-4) and estimate.high == pytest.approx(0.9604, abs=1e-4)
    all_right = _with_wilson(Estimate(SCORE, 40, 0, 1.0, None, None), values(*[1.0] * 40))
    assert all_right.high == 1 and all_right.low == pytest.approx(0.9124, abs=1e-4)


@pytest.mark.parametrize(
    ("estimate", "every"),
    [
        (Estimate(SCORE, 40, 20, 0.5, 0.3, 0.7), [1.0] * 20 + [0.0] * 20),  # it has one
        (Estimate(SCORE, 5, 0, 1.0, None, None), [1.0] * 5),  # too few tasks
        (Estimate(SCORE, 8, 1, 0.9375, None, None), [1.0] * 7 + [0.5]),  # a mean of several traces
        (Estimate(LENGTH, 8, 0, 1.0, None, None), [1.0] * 8),  # no proportion
    ],
)
def test_others_stay_as_they_are(estimate: Estimate, every: list[float]) -> None:
    assert _with_wilson(estimate, values(*every)) == estimate
