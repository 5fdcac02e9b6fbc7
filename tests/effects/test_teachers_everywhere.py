"""Two teachers' traces, imported: the command, the report, the card and Python give the same comparison."""

from __future__ import annotations

import json

import polars as pl
import pytest

import infogap
from cli import in_process

RECIPE = """
name: two-teachers
import:
  - from: traces.jsonl
    columns: {question: q, answer: a, trace: t, privilege: p, teacher: m}
dedupe: null
balance: {when_short: shrink, allow_mixed_teachers: true}
"""
PATH = "/models/private/Big-8B"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> infogap.Run:
    """Eight tasks that both answered, and two of which one teacher's are missing."""
    folder = tmp_path_factory.mktemp("teachers")
    rows = []
    for task in range(10):
        for teacher in ("small", PATH)[: 1 if task > 7 else 2]:
            for privilege in ("unguided", "answer"):
                doubts = "Wait, perhaps not. " * (task if privilege == "unguided" else 0)
                wrong = teacher == "small" and privilege == "unguided" and task % 4 == 0
                text = f"{doubts}{teacher} counts to \\boxed{{{task + wrong}}}"
                rows.append({"q": f"What is {task} + 0?", "a": str(task), "t": text, "p": privilege, "m": teacher})
    (folder / "traces.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "recipe.yaml").write_text(RECIPE)
    made = infogap.Run.create(folder / "recipe.yaml", folder / "run")
    made.update(quiet=True)
    return made


def command(*arguments: str) -> str:
    shown = in_process.infogap(*arguments)
    assert shown.returncode == 0, shown.stderr
    return shown.stdout


def test_the_command_prints_teachers_and_worth_in_80_columns(run: infogap.Run) -> None:
    shown = command("measure", str(run.folder.path), "--table")
    assert max(len(line.rstrip()) for line in shown.splitlines()) <= 80
    words = " ".join(shown.split())
    assert "Was the privilege worth it?" in words
    assert "Teachers on the tasks that all of them answered, by accuracy" in words
    assert words.index("1. /models") < words.index("2. small")
    assert "16 pairs of task and privilege (unguided, answer) that all 2 teachers answered, of 20 that any did" in words


def test_json_has_the_same_beside_each_teacher(run: infogap.Run) -> None:
    found = json.loads(command("measure", str(run.folder.path), "--table", "--json"))
    assert [each["teacher"] for each in found] == [PATH, "small"]
    first, second = found[0]["ranking"]["teachers"]
    assert found[0]["ranking"] == found[1]["ranking"]
    assert (first["rank"], first["teacher"], second["teacher"]) == (1, PATH, "small")
    scores = {row["teacher"]: row["of"][0]["mean"] for row in (first, second)}
    assert scores == {PATH: 1.0, "small": 0.875}  # two of eight wrong, under one of two privileges
    assert {row["of"] for row in found[1]["worth"]} == {"accuracy", "leak_rate", "density"}


def test_python_gives_frames(run: infogap.Run) -> None:
    teachers = run.teachers()
    scores = teachers.filter(pl.col("quantity") == "score")
    assert scores.select("rank", "teacher", "tasks", "mean").rows() == [(1, PATH, 8, 1.0), (2, "small", 8, 0.875)]
    worth = run.privilege_worth().filter(pl.col("teacher") == "small")
    assert worth.select("privilege", "of", "against").rows() == [
        ("answer", "accuracy", "unguided"),
        ("answer", "leak_rate", None),
        ("answer", "density", "unguided"),
    ]
    assert worth["mean"][0] == pytest.approx(0.3)
    assert worth["mean"][2] < 0
    assert worth["low"][2] <= worth["mean"][2] <= worth["high"][2]


def test_the_report_and_the_card_have_both(run: infogap.Run) -> None:
    page = (run.folder.path / "report" / "index.html").read_text()
    card = (run.folder.path / "dataset" / "README.md").read_text()
    for text in (page, card):
        assert text.count("Was the privilege worth it?") == 2
        assert text.count("Teachers on the tasks that all of them answered") == 1
        assert "16 pairs of task and privilege" in text
    assert "| 1. Big-8B | accuracy | 8 | 1.00 | all tasks alike |" in card
    assert "private" not in card.replace(f"{PATH} counts to", "")  # the text of the traces in the examples
    assert "| `answer` | accuracy - unguided | 10 | +0.30 | " in card
