"""Cohen's kappa: known values, bounds, and where it is not defined."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infogap.verify.gold_agreement import kappa
from infogap.verify.who_decides import sentences
from verify.judging.judged_run import judged_run


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ((20, 5, 10, 15), 0.4),  # the worked example of most textbooks
        ((10, 0, 0, 10), 1.0),
        ((0, 10, 10, 0), -1.0),
        ((5, 5, 5, 5), 0.0),
    ],
)
def test_known_values(cells: tuple[int, ...], expected: float) -> None:
    assert float(kappa(np.array(cells))) == pytest.approx(expected)


@pytest.mark.parametrize("cells", [(0, 0, 0, 0), (9, 0, 0, 0), (0, 0, 0, 3)])
def test_it_is_not_defined_where_both_always_say_the_same(cells: tuple[int, ...]) -> None:
    assert np.isnan(kappa(np.array(cells)))


@given(st.lists(st.integers(0, 50), min_size=4, max_size=4))
def test_it_is_symmetric_and_at_most_one(cells: list[int]) -> None:
    both, judge, gold, neither = cells
    value, swapped = kappa(np.array(cells)), kappa(np.array([neither, gold, judge, both]))
    assert np.isnan(value) == np.isnan(swapped)
    if not np.isnan(value):
        assert value == pytest.approx(swapped)
        assert value <= 1 + 1e-9


def test_without_a_consensus_it_is_not_said_that_no_task_has_a_gold_answer(tmp_path: Path) -> None:
    run = judged_run(tmp_path, "", by="{backend: embedded}")
    counts = {"tasks": 3, "agreed": 0, "compared": 0, "same": 0}
    (line,) = sentences(run, {"consensus": counts})
    assert "0 of 3 tasks" in line
    _, line = sentences(run, {"consensus": counts | {"agreed": 2}})
    assert "no task has both" in line
