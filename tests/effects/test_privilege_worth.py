"""What a privilege gained and cost, against what the tables say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from effects.small_tables import run_of
from infogap.effects.compared_traces import Quantity
from infogap.effects.effects_table import effects_of
from infogap.effects.privilege_worth import Worth
from infogap.runs.run_folder import Run

DENSITY = Quantity("epistemic_density", "infogap")


def traces(contexts: bool) -> list[dict[str, Any]]:
    """Ten tasks: `answer` is right more often, leaks in three, doubts less; its gap is larger than its decoy's."""
    rows: list[dict[str, Any]] = []
    for task in range(10):
        decoys = {"decoy_answer": 0.2 + 0.01 * task, "solution": 9.0}
        rows += [
            {"task": f"t{task}", "privilege": "unguided", "correct": task < 4, "markers": task, "gap": 0.0},
            {
                "task": f"t{task}",
                "privilege": "answer",
                "correct": True,
                "leak": task < 3,
                "gap": 0.5 + 0.02 * task,
                "other_contexts": decoys if contexts else {},
            },
            {"task": f"t{task}", "privilege": "decoy_answer", "correct": False, "gap": 0.3, "leak": True},
            {"task": f"t{task}", "privilege": "hint", "correct": task < 4, "markers": task, "gap": 0.1},
        ]
    return rows


def worth(run: Run) -> dict[tuple[str, str], Worth]:
    (effects,) = effects_of(run)
    return {(row.privilege, row.what): row for row in effects.worth}


@pytest.fixture
def scored(tmp_path: Path) -> Run:
    return run_of(tmp_path, traces(contexts=True), {"scorer": "tiny.gguf", "contexts": ["decoy_answer", "solution"]})


def test_every_number_is_what_the_tables_give(scored: Run) -> None:
    found = worth(scored)
    assert list(found) == [
        ("hint", "accuracy"),
        ("hint", "leak_rate"),
        ("hint", "density"),
        ("answer", "accuracy"),
        ("answer", "gap"),
        ("answer", "leak_rate"),
        ("answer", "density"),
    ]
    assert found["answer", "accuracy"].against == "unguided"
    assert found["answer", "accuracy"].estimate.mean == pytest.approx(0.6)
    gap = found["answer", "gap"]
    assert (gap.against, gap.same_traces) == ("decoy_answer", True)
    assert gap.estimate.mean == pytest.approx(np.mean([0.3 + 0.01 * task for task in range(10)]))
    assert gap.estimate.low is not None and 0.3 <= gap.estimate.low < gap.estimate.mean
    assert found["answer", "leak_rate"].estimate.mean == pytest.approx(0.3)
    assert found["answer", "density"].estimate.mean == pytest.approx(-10 * 4.5 / 2)  # per 1,000 of 200 tokens
    assert found["answer", "density"].estimate.quantity == DENSITY
    assert found["hint", "accuracy"].estimate.mean == 0


def test_the_controls_own_traces_stand_in_for_a_control_that_was_not_scored(tmp_path: Path) -> None:
    found = worth(run_of(tmp_path, traces(contexts=False), {"scorer": "tiny.gguf"}))
    gap = found["answer", "gap"]
    assert (gap.against, gap.same_traces) == ("decoy_answer", False)
    assert gap.estimate.mean == pytest.approx(np.mean([0.2 + 0.02 * task for task in range(10)]))


def test_a_privilege_without_a_control_is_named(scored: Run) -> None:
    (effects,) = effects_of(scored)
    assert "in the same traces" in effects.worth_notes[0]
    assert effects.worth_notes[1].startswith("No gap relative to a control: `hint`")
    (unscored,) = effects_of(run_of(scored.path.parent / "unscored", traces(contexts=False)))
    assert {row.what for row in unscored.worth} == {"accuracy", "leak_rate", "density"}
    assert len(unscored.worth_notes) == 1


def test_there_is_nothing_to_say_without_unguided_traces(tmp_path: Path) -> None:
    (effects,) = effects_of(run_of(tmp_path, [row for row in traces(contexts=False) if row["privilege"] == "answer"]))
    assert (effects.worth, effects.worth_notes) == ([], [])
