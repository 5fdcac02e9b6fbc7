"""The recipes of critiques and lessons, run whole with the embedded model, on fewer tasks and with short answers."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pytest
from datasets import load_dataset

from cli.in_process import infogap
from infogap.runs.run_folder import Run
from infogap.schema import CONTEXTS, NOTES, SHOWN_NOTES, TASKS, TRACES, VERDICTS

ROOT = Path(__file__).parents[2]


def ran(name: str, folder: Path, limit: int) -> Run:
    """Run a recipe on `limit` tasks, with one sample of each privilege."""
    recipe = (ROOT / "recipes" / f"{name}.yaml").read_text()
    recipe = re.sub(r"limit: \d+", f"limit: {limit}", recipe.replace("data/word", f"{ROOT}/recipes/data/word"))
    recipe = re.sub(r"max_tokens: \d+", "max_tokens: 40", recipe.replace("samples: 2", "samples: 1"))
    (folder / "recipe.yaml").write_text(recipe)
    done = infogap("run", "recipe.yaml", "--run", "run", cwd=folder)
    assert done.returncode == 0, done.stderr
    return Run.open(folder / "run")


@pytest.mark.model
def test_the_model_criticizes_its_own_attempts(tmp_path: Path) -> None:
    run = ran("critique", tmp_path, 5)
    notes, traces = run.scan(NOTES).collect(), run.scan(TRACES).collect()
    verdicts = dict(run.scan(VERDICTS).select("trace_id", "verdict").collect().iter_rows())
    assert notes.height and {verdicts[attempt] for attempt in notes["context_id"]} == {"wrong"}
    assert set(notes["privilege"]) == {"critique", "informed_critique"}
    shown = run.scan(SHOWN_NOTES).join(run.scan(CONTEXTS).select("context_id", "text"), on="context_id").collect()
    texts = dict(notes.select("trace_id", "response").iter_rows())
    assert all(texts[row["note_id"]].strip() in row["text"] for row in shown.iter_rows(named=True))
    assert set(shown["context_id"]) == set(
        traces.filter(pl.col("privilege").is_in(["critique", "informed_critique"]))["context_id"]
    )
    published = load_dataset(str(run.path / "dataset"), "traces", split="train")
    assert published.num_rows == traces.height


@pytest.mark.model
def test_the_model_is_shown_its_lessons_from_other_tasks(tmp_path: Path) -> None:
    run = ran("lessons", tmp_path, 6)
    notes = {row["trace_id"]: row for row in run.scan(NOTES).collect().iter_rows(named=True)}
    tasks = {row["task_id"]: row for row in run.scan(TASKS).collect().iter_rows(named=True)}
    contexts = {row["context_id"]: row for row in run.scan(CONTEXTS).collect().iter_rows(named=True)}
    assert notes
    for row in run.scan(SHOWN_NOTES).collect().iter_rows(named=True):
        task = tasks[contexts[row["context_id"]]["task_id"]]
        assert row["task_id"] == notes[row["note_id"]]["task_id"] != task["task_id"]
        assert task["solution"] not in contexts[row["context_id"]]["text"]
    before = {path: path.read_bytes() for path in sorted(run.path.rglob("*.parquet"))}
    ran("lessons", tmp_path, 6)
    assert {path: path.read_bytes() for path in sorted(run.path.rglob("*.parquet"))} == before
