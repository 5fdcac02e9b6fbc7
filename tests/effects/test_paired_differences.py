"""Differences on the same tasks, and their intervals."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from infogap.effects.bootstrap_intervals import FEWEST_TASKS
from infogap.effects.compared_traces import SCORE
from infogap.effects.paired_differences import Difference, paired_differences, task_means


def rows(scores: dict[str, dict[str, list[float | None]]]) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {"task_id": task, "privilege": privilege, "score": score}
            for privilege, tasks in scores.items()
            for task, samples in tasks.items()
            for score in samples
        ],
        schema={"task_id": pl.String, "privilege": pl.String, "score": pl.Float64},
    )


def difference(scores: dict[str, dict[str, list[float | None]]], pair: tuple[str, str], seed: int = 1) -> Difference:
    (found,) = paired_differences(task_means(rows(scores), [SCORE]), [pair], [SCORE], seed)
    return found


def test_means_are_over_tasks_that_both_have() -> None:
    scores: dict[str, dict[str, list[float | None]]] = {
        "answer": {"a": [1.0, 1.0, 0.0, 0.0], "b": [1.0], "only here": [0.0], "ungradable": [None]},
        "unguided": {"a": [0.0], "b": [1.0, 0.0], "only there": [1.0], "ungradable": [1.0]},
    }
    found = difference(scores, ("answer", "unguided"))
    assert (found.tasks, found.mean) == (2, 0.5)
    assert (found.low, found.high) == (None, None)
    assert not found.excludes_zero


def many(seed: int, shift: float, tasks: int = 20) -> dict[str, dict[str, list[float | None]]]:
    random = np.random.default_rng(seed)
    own: dict[str, list[float | None]] = {str(task): [float(random.normal())] for task in range(tasks)}
    return {"x": {task: [(values[0] or 0) + shift] for task, values in own.items()}, "y": own}


def test_the_same_on_both_sides_is_no_difference() -> None:
    found = difference(many(1, 0.0), ("x", "y"))
    assert (found.mean, found.low, found.high) == (0, 0, 0)
    assert not found.excludes_zero


def test_turned_round_the_difference_changes_its_sign_and_no_more() -> None:
    scores = many(2, 0.5)
    scores["x"]["3"] = [4.0]
    one, other = difference(scores, ("x", "y")), difference(scores, ("y", "x"))
    assert one.mean == pytest.approx(-other.mean)
    assert one.excludes_zero and other.excludes_zero
    assert one == difference(scores, ("x", "y"))
    assert difference(scores, ("x", "y"), seed=2).mean == one.mean


def test_few_tasks_have_no_interval() -> None:
    assert difference(many(3, 1.0, FEWEST_TASKS - 1), ("x", "y")).low is None
    assert difference(many(3, 1.0, FEWEST_TASKS), ("x", "y")).low is not None


def test_where_few_tasks_differ_there_is_no_interval() -> None:
    tasks = [str(task) for task in range(40)]
    same: dict[str, list[float | None]] = {task: [0.0] for task in tasks}
    for differing, known in ((0, True), (1, False), (FEWEST_TASKS - 1, False), (FEWEST_TASKS, True)):
        found = difference({"x": same | {task: [1.0] for task in tasks[:differing]}, "y": same}, ("x", "y"))
        assert (found.tasks, found.differing, found.low is not None) == (40, differing, known)


def test_nothing_but_chance_is_rarely_called_a_difference() -> None:
    """Rare markers: a trace in twelve has some, whatever the privilege."""
    random = np.random.default_rng(8)
    experiments, called = 200, 0
    for experiment in range(experiments):
        counts = random.poisson(3, size=(2, 18)) * (random.random((2, 18)) < 1 / 12)
        sides: list[dict[str, list[float | None]]] = [
            {str(task): [float(count)] for task, count in enumerate(side)} for side in counts
        ]
        called += difference({"x": sides[0], "y": sides[1]}, ("x", "y"), experiment).excludes_zero
    assert called <= 0.05 * experiments


def test_resamples_do_not_change_with_what_else_is_compared() -> None:
    scores = many(4, 0.2)
    scores["z"] = many(5, 0.1)["x"]
    means = task_means(rows(scores), [SCORE])
    alone = paired_differences(means, [("x", "y")], [SCORE], 1)
    among = paired_differences(means, [("z", "y"), ("x", "y"), ("x", "nowhere")], [SCORE], 1)
    assert alone == among[1:]
    assert [row.privilege for row in among] == ["z", "x"]
