"""`infogap run` and the stages' commands over a small import: what goes to stdout, what to stderr, and exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.in_process import infogap

ROWS = [{"q": f"What is {n} + {n}?", "a": str(2 * n), "t": f"Perhaps it is \\boxed{{{2 * n}}}."} for n in range(1, 6)]
RECIPE = """\
name: sums
import: [{from: rows.jsonl, columns: {question: q, answer: a, trace: t}}]
balance: {size: 9, when_short: best_effort}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a recipe that asks for more traces than there are, run once."""
    folder = tmp_path_factory.mktemp("short")
    (folder / "rows.jsonl").write_text("\n".join(json.dumps(row) for row in ROWS))
    (folder / "recipe.yaml").write_text(RECIPE)
    ran = infogap("run", "recipe.yaml", "--json", cwd=folder)
    assert ran.returncode == 4
    assert json.loads(ran.stdout)["mixes"]["mix"]["size"] == 5
    assert "the mix was made with 5 traces" in ran.stderr.splitlines()[-1]
    return folder


def test_a_shortfall_is_the_last_thing_that_a_command_says(folder: Path) -> None:
    again = infogap("run", "recipe.yaml", cwd=folder)
    assert again.returncode == 4
    assert "What each privilege did" in again.stdout
    assert "everything is up to date" in again.stderr
    assert infogap("balance", "sums", "--quiet", cwd=folder).returncode == 4
    assert infogap("measure", "sums", cwd=folder).returncode == 0


def test_quiet_says_nothing(folder: Path) -> None:
    made = infogap("measure", "sums", "--quiet", cwd=folder)
    assert (made.returncode, made.stdout, made.stderr) == (0, "", "")


def test_tables_are_data(folder: Path) -> None:
    mix = infogap("balance", "sums", "--json", cwd=folder)
    assert json.loads(mix.stdout)["mixes"]["mix"]["size"] == 5
    effects = infogap("measure", "sums", "--table", "--json", cwd=folder)
    assert [row["teacher"] for row in json.loads(effects.stdout)] == ["unknown"]
    wrong = infogap("measure", "sums", "--tasks", cwd=folder)
    assert wrong.returncode == 2
    assert wrong.stderr == "--tasks needs --table; write both\n"
    gap = infogap("gap", "sums", cwd=folder)
    assert gap.returncode == 2
    assert gap.stderr.startswith("the recipe scores nothing")


def test_a_config_without_rows_keeps_no_other_from_being_written(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text("\n".join(json.dumps(row | {"a": "0"}) for row in ROWS))
    (tmp_path / "recipe.yaml").write_text(RECIPE + "publish: {repo: org/sums, configs: [sft, traces]}\n")
    ran = infogap("run", "recipe.yaml", "--push", cwd=tmp_path)
    assert ran.returncode == 4, ran.stderr
    assert "publish: nothing to publish as `sft`: the mix has no traces" in ran.stderr
    assert [folder.name for folder in (tmp_path / "runs" / "sums" / "dataset" / "data").iterdir()] == ["traces"]
    assert (tmp_path / "runs" / "sums" / "report" / "index.html").is_file()
    pushed = infogap("publish", "sums", "--push", cwd=tmp_path)
    assert pushed.returncode == 4 and "nothing is pushed: nothing to publish as `sft`" in pushed.stderr
    made = infogap("publish", "sums", cwd=tmp_path)
    assert made.returncode == 4 and made.stderr.splitlines()[-1].startswith("nothing to publish as `sft`")
    elsewhere = infogap("publish", "sums", "--to", "out", cwd=tmp_path)
    assert elsewhere.returncode == 4 and "nothing is published to out: nothing to publish as" in elsewhere.stderr
    assert not (tmp_path / "out").exists()
