"""The funnel as people see it: in the terminal, as data and on the report's page."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from cli import in_process
from infogap.recipe import load_recipe
from infogap.report.run_summary import funnel_table, funnels, rows_not_imported
from infogap.runs.pipeline import run_all
from infogap.runs.run_folder import Run
from tasks.small_recipes import write_jsonl

ROWS = [
    {"q": "What is 2 + 2?", "a": "4", "t": "It is \\boxed{4}.", "end": "stop"},
    {"q": "What is 2 + 3?", "a": "5", "t": "It is \\boxed{6}.", "end": "stop"},
    {"q": "What is 2 + 4?", "a": "6", "t": "It is the", "end": "MAX_TOKENS"},
    {"q": "What is 2 + 5?", "a": "7", "t": "<think>It is", "end": "length"},
    {"q": "What is 2 + 6?", "a": "8", "t": "I ca", "end": "content_filter"},
    {"q": "What is 2 + 7?", "a": "9", "t": ""},
]
LOSSES = {"error: filtered": 1, "no response: truncated": 1, "wrong": 1, "truncated": 1}


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    write_jsonl(tmp_path / "rows.jsonl", ROWS)
    file = tmp_path / "recipe.yaml"
    columns = "columns: {question: q, answer: a, trace: t, finish_reason: end}"
    file.write_text(f"name: demo\nimport: [{{from: rows.jsonl, {columns}}}]\n")
    return file


@pytest.fixture
def run(recipe: Path, tmp_path: Path) -> Run:
    made = Run.create(load_recipe(recipe), tmp_path / "run")
    made.save_recipe()
    run_all(made)
    return made


def test_the_funnel_adds_up_from_what_was_read_to_the_mix(run: Run) -> None:
    funnel = funnels(run)["mix"]
    assert {loss.label: loss.traces for loss in funnel.losses} == LOSSES
    assert (funnel.traces, funnel.selected) == (5, 1)
    assert rows_not_imported(run) == "not imported, of 6 rows: 1 no trace"
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(funnel_table(run, "mix", funnel))
    text = console.export_text()
    assert "From 5 traces read to the mix" in text
    (line,) = (line for line in text.splitlines() if "│ truncated" in line)
    assert [cell.strip() for cell in line.split("│")[1:4]] == ["truncated", "-1", "1"]


def test_the_report_shows_it(run: Run) -> None:
    page = (run.path / "report" / "index.html").read_text()
    assert "<h2>From 5 traces read to the mix</h2>" in page
    assert '<tr><td class="text">error: filtered</td><td>-1</td><td>4</td></tr>' in page


def infogap(*arguments: str) -> str:
    shown = in_process.infogap(*arguments)
    assert shown.returncode == 0, shown.stderr
    return shown.stdout


def test_run_and_balance_end_with_it(run: Run, recipe: Path) -> None:
    for shown in (infogap("run", str(recipe), "--run", str(run.path)), infogap("balance", str(run.path))):
        assert all(label in shown for label in [*LOSSES, "in the mix"])
        assert "not imported, of 6 rows: 1 no trace" in shown
    data = json.loads(infogap("balance", str(run.path), "--json"))
    assert sum(loss["traces"] for loss in data["mixes"]["mix"]["funnel"]["losses"]) == sum(LOSSES.values())
