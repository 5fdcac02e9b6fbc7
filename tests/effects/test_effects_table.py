"""What each privilege did, from a run's tables to the command's output."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.in_process import infogap
from infogap.effects.compared_traces import Quantity
from infogap.effects.effects_table import effects_of
from infogap.effects.teacher_results import Effects
from infogap.runs.run_folder import Run

RECIPE = """
name: effects
seed: 3
import:
  - from: traces.jsonl
    columns: {question: q, answer: a, trace: t, privilege: p, completion_tokens: n, finish_reason: f}
    teacher: somebody
balance: {when_short: shrink}
"""
MARKERS = Quantity("epistemic_count", "kim2026")


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight tasks, two samples each: unguided doubts and is right in half of them, `answer` neither doubts nor errs."""
    folder = tmp_path_factory.mktemp("effects")
    rows = []
    for task in range(8):
        said = {"unguided": ("Wait, maybe it is", 40), "answer": ("It is", 20), "decoy_answer": ("It is", 20)}
        for privilege, (words, tokens) in said.items():
            for sample in range(2):
                wrong = privilege == "decoy_answer" or (privilege == "unguided" and sample)
                answer = task + 100 if wrong else task
                text = f"{words} so, by way {sample} of counting. The answer is \\boxed{{{answer}}}"
                cut = privilege == "unguided" and task == 0 and sample == 1
                rows.append(
                    {
                        "q": f"What is {task} + 0?",
                        "a": str(task),
                        "t": text,
                        "p": privilege,
                        "n": tokens,
                        "f": "length" if cut else "stop",
                    }
                )
    (folder / "traces.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "recipe.yaml").write_text(RECIPE)
    made = infogap("run", str(folder / "recipe.yaml"), "--run", str(folder / "run"), "--quiet")
    assert made.returncode == 0, made.stderr
    return folder / "run"


@pytest.fixture(scope="module")
def effects(run_folder: Path) -> Effects:
    (found,) = effects_of(Run.open(run_folder))
    return found


def test_means(effects: Effects) -> None:
    rows = {row.privilege: row for row in effects.means}
    assert list(rows) == ["unguided", "answer", "decoy_answer"]
    assert [rows[name].of[Quantity("score")] for name in rows] == [0.5, 1.0, 0.0]
    assert [rows[name].of[Quantity("length")] for name in rows] == [40, 20, 20]
    assert [rows[name].of[MARKERS] for name in rows] == [2, 0, 0]
    assert rows["unguided"].truncated == 1
    assert rows["decoy_answer"].role == "control"
    assert effects.unit == "tokens"


def test_differences_and_contrasts(effects: Effects) -> None:
    found = {(row.privilege, row.quantity): row for row in effects.differences}
    assert found["answer", MARKERS].mean == -2
    assert found["answer", MARKERS].excludes_zero
    assert found["answer", Quantity("score")].mean == 0.5
    contrasts = {(row.contrast.privilege, row.difference.quantity): row.difference for row in effects.contrasts}
    assert contrasts["answer", Quantity("score")].mean == 1
    assert contrasts["answer", MARKERS].mean == 0  # the decoy takes the doubts away too: style, not knowledge
    assert not contrasts["answer", MARKERS].excludes_zero


def test_passes_per_privilege_and_task(effects: Effects) -> None:
    unguided = next(row for row in effects.passes if row.privilege == "unguided")
    assert [(at.k, at.rate) for at in unguided.at] == [(1, 0.5), (2, 1.0)]
    assert len(effects.tasks) == 8
    assert all(task.pass_rate == 0.5 and task.spread == 1 for task in effects.tasks)


def test_the_command_prints_it_in_80_columns(run_folder: Path) -> None:
    shown = infogap("measure", str(run_folder), "--table", "--tasks")
    assert shown.returncode == 0, shown.stderr
    assert max(len(line.rstrip()) for line in shown.stdout.splitlines()) <= 80
    for text in ("decoy_answer", "95 % interval", "pass@k", "Truncated: unguided 1 of 16", "answer - decoy_answer"):
        assert text in shown.stdout


def test_the_command_gives_all_of_it_as_json(run_folder: Path) -> None:
    shown = infogap("measure", str(run_folder), "--table", "--json")
    (found,) = json.loads(shown.stdout)
    assert found["teacher"] == "somebody"
    assert len(found["tasks"]) == 8
    assert {row["privilege"] for row in found["privileges"]} == {"unguided", "answer", "decoy_answer"}


def test_tasks_without_table_are_refused(run_folder: Path) -> None:
    refused = infogap("measure", str(run_folder), "--tasks")
    assert refused.returncode == 2
