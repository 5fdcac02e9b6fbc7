"""A run of many families prints as many lines as a small one: tables are cut, and say how much is left."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.in_process import infogap

pytestmark = pytest.mark.usefixtures("without_charts")

FAMILIES = 200
MOST_LINES = 180  # that a command may print of two axes
RECIPE = """
name: many
import:
  - from: traces.jsonl
    columns: {question: question, answer: answer, family: family, difficulty: level, trace: text}
balance: {size: 600, family: uniform, difficulty: uniform, when_short: shrink}
publish: {license: apache-2.0, configs: [sft]}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run, short of its target in every family."""
    folder = tmp_path_factory.mktemp("many")
    (folder / "r.yaml").write_text(RECIPE)
    rows = [
        {
            "question": f"What is {number} + 2?",
            "answer": str(number + 2),
            "family": f"family {number % FAMILIES}",
            "level": str(number % FAMILIES),
            "text": f"Wait, it is \\boxed{{{number + 2}}}",
        }
        for number in range(2 * FAMILIES)
    ]
    (folder / "traces.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    done = infogap("run", "r.yaml", cwd=folder)
    assert done.returncode == 4, done.stderr
    assert_short(done.stdout + done.stderr)
    return folder


@pytest.mark.parametrize(
    ("command", "more"),
    [
        ("balance RUN", True),
        ("balance RUN --plan", True),
        ("check r.yaml --plan", False),
        ("measure RUN --table", False),
        ("measure RUN --table --tasks", True),
        ("publish RUN --dry-run --to there", True),
        ("show RUN", False),
        ("status RUN", False),
    ],
)
def test_no_command_prints_a_line_per_family(folder: Path, command: str, more: bool) -> None:
    done = infogap(*command.replace("RUN", "runs/many").split(), cwd=folder)
    printed = done.stdout + done.stderr
    assert done.returncode in (0, 4), printed
    assert_short(printed)
    assert ("more" in printed) == more


def test_what_is_cut_is_counted_and_in_the_json(folder: Path) -> None:
    shown = infogap("publish", "runs/many", "--dry-run", "--to", "there", cwd=folder).stdout
    plan = json.loads(infogap("publish", "runs/many", "--dry-run", "--to", "there", "--json", cwd=folder).stdout)
    statistics = plan["changes"]["statistics"]
    assert len(statistics) > 2 * FAMILIES
    assert f"and {len(statistics) - 60:,} more statistics: --json lists all" in shown
    missing = infogap("balance", "runs/many", "--plan", cwd=folder).stdout.splitlines()
    lacks = json.loads(infogap("balance", "runs/many", "--plan", "--json", cwd=folder).stdout)["mix"]["lacks"]
    listed = [line for line in missing if line.startswith("missing: ")]
    assert len(listed) == 41
    assert listed[-1] == f"missing: and {len(lacks) - 40:,} more: --json lists all"


def test_a_comparison_of_two_runs_is_cut(folder: Path) -> None:
    (folder / "other.yaml").write_text(with_shares([0.005]).replace("name: again", "name: other"))
    infogap("run", "other.yaml", cwd=folder)
    done = infogap("diff", "runs/many", "runs/other", cwd=folder)
    assert done.returncode == 1, done.stderr
    assert_short(done.stdout + done.stderr)
    assert " more: --json lists all" in done.stdout


def test_reasons_to_run_again_are_cut(folder: Path) -> None:
    (folder / "again.yaml").write_text(with_shares([0.005]))
    infogap("run", "again.yaml", cwd=folder)
    (folder / "again.yaml").write_text(with_shares([0.004, 0.006]))
    done = infogap("run", "again.yaml", cwd=folder)
    assert_short(done.stdout + done.stderr)
    assert done.stderr.count("again: ") < 60
    assert " more: infogap status runs/again --json" in done.stderr


def with_shares(shares: list[float]) -> str:
    """The recipe with a share for each family."""
    named = ", ".join(f"family {number}: {shares[number % len(shares)]}" for number in range(FAMILIES))
    return RECIPE.replace("many", "again").replace("family: uniform", f"family: {{{named}}}").replace("600", "200")


def assert_short(printed: str) -> None:
    lines = printed.splitlines()
    assert len(lines) < MOST_LINES, "\n".join(lines[:MOST_LINES])
