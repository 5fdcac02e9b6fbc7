"""Teachers are compared on what all of them answered, and on nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from effects.small_tables import run_of
from infogap.effects.compared_traces import Quantity
from infogap.effects.task_estimates import RSR
from infogap.effects.teacher_ranking import TeacherRanking, rank_teachers
from infogap.runs.run_folder import Run
from infogap.schema import MEASURES

GAP = {"scorer": "tiny.gguf"}
SCORE, WORDS, DENSITY = Quantity("score"), Quantity("length"), Quantity("epistemic_density", "infogap")


def trace(teacher: str, task: int, privilege: str = "unguided", **values: Any) -> dict[str, Any]:
    return {"teacher": teacher, "task": f"t{task}", "privilege": privilege, **values}


def ranking(run: Run) -> TeacherRanking:
    found = rank_teachers(run)
    assert found is not None
    return found


@pytest.fixture
def two(tmp_path: Path) -> Run:
    """`small` answered ten tasks, `big` eight of them, more often right and at length; each also something alone."""
    random = np.random.default_rng(5)
    traces = []
    for task in range(10):
        traces += [
            trace("small", task, correct=task % 2 == 0, words=50 + task, surprisal=0.5 + 0.1 * task, rsr=4.0, gap=0.0),
            trace("small", task, correct=False, words=70 + task, surprisal=0.7, rsr=float(random.uniform(2, 6)), gap=0),
        ]
        if task < 8:
            traces.append(trace("big", task, correct=task != 3, words=300, markers=9, surprisal=1.0, rsr=3.0, gap=0.0))
    traces.append(trace("big", 20, correct=False))
    traces += [trace("small", task, "solution", correct=True, words=1) for task in range(8)]
    return run_of(tmp_path, traces, GAP)


def test_only_tasks_and_privileges_that_all_answered_count(two: Run) -> None:
    found = ranking(two)
    assert [row.teacher for row in found.teachers] == ["big", "small"]
    assert (found.tasks, found.cells, found.of_cells, found.privileges) == (8, 8, 19, ["unguided"])
    big, small = found.teachers
    assert (big.traces, small.traces) == (8, 16)
    assert big.estimates[SCORE].mean == pytest.approx(7 / 8)
    assert small.estimates[SCORE].mean == pytest.approx(0.25)  # a half of the first samples, none of the second
    assert small.estimates[WORDS].mean == pytest.approx(60 + 3.5)
    assert big.estimates[DENSITY].mean == pytest.approx(1000 * 9 / 300)
    assert found.unit == "words"  # tokens of two teachers are two units
    assert "8 tasks and 8 pairs" in found.notes[0]
    assert "of 19 that any did" in found.notes[0]
    assert "tiny" in found.notes[1]


def test_the_ratio_of_many_traces_is_mean_rank_over_mean_surprisal(two: Run) -> None:
    traces = [row for part in two.parts(MEASURES) for row in part.to_dicts()]
    first_tasks = [row for row in traces[: 8 * 3] if row["words"] != 300]
    ranks = np.mean([row["rsr"] * row["surprisal"] for row in first_tasks])
    expected = ranks / np.mean([row["surprisal"] for row in first_tasks])
    estimate = ranking(two).teachers[1].estimates[RSR]
    assert estimate.mean == pytest.approx(expected)
    assert estimate.low is not None and estimate.high is not None
    assert estimate.low < estimate.mean < estimate.high


def test_values_that_are_nearly_all_the_same_have_no_interval(two: Run) -> None:
    big, small = ranking(two).teachers
    assert (big.estimates[SCORE].differing, big.estimates[SCORE].low) == (1, None)
    assert (big.estimates[WORDS].differing, big.estimates[WORDS].low) == (0, None)
    assert small.estimates[WORDS].low is not None


def test_a_value_that_one_teacher_lacks_is_left_out_for_all(tmp_path: Path) -> None:
    traces = [trace(name, task, correct=True) for name in ("a", "b") for task in range(7)]
    traces[2]["correct"] = None  # ungradable: the task has no score of a
    traces[9]["correct"] = False  # the same task: b's score does not count either
    traces[13]["failed"] = True
    found = ranking(run_of(tmp_path, traces))
    assert found.tasks == 6
    assert {row.teacher: (row.estimates[SCORE].tasks, row.estimates[SCORE].mean) for row in found.teachers} == {
        "a": (5, 1.0),
        "b": (5, 1.0),
    }
    assert all(row.estimates[WORDS].tasks == 6 for row in found.teachers)
    assert "not measured" in found.notes[1]


def test_without_common_tasks_it_says_so(tmp_path: Path) -> None:
    found = ranking(run_of(tmp_path, [trace("a", 1), trace("a", 2), trace("b", 1, "answer")]))
    assert (found.cells, found.quantities) == (0, [])
    assert found.notes == [
        "No ranking: no task was answered by all 2 teachers under the same privilege (b answered 1 tasks)."
    ]


def test_one_teacher_has_no_ranking(tmp_path: Path) -> None:
    assert rank_teachers(run_of(tmp_path, [trace("a", 1), trace("a", 2)])) is None
