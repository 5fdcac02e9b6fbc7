"""The recipes of critiques and lessons with the embedded model, on few tasks and with short answers."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pytest

from infogap.generate import STAGE as GENERATE
from infogap.recipe import load_recipe
from infogap.runs.run_folder import Run
from infogap.schema import CONTEXTS, NOTES, SHOWN_NOTES, TASKS, TRACES
from infogap.tasks import STAGE as TASKS_STAGE
from infogap.verify import STAGE as VERIFY

pytestmark = pytest.mark.usefixtures("without_charts")

ROOT = Path(__file__).parents[2]
SHORT = 'instruction: Reply with the words "The answer is" and the number, and nothing else.'


def generated(name: str, folder: Path, limit: int, privileges: str) -> Run:
    """Generate what a recipe asks for, on `limit` tasks, with one sample under these privileges."""
    recipe = (ROOT / "recipes" / f"{name}.yaml").read_text()
    recipe = re.sub(r"limit: \d+", f"limit: {limit}", recipe.replace("data/word", f"{ROOT}/recipes/data/word"))
    recipe = re.sub(r"instruction: .*", SHORT, recipe.replace("max_tokens: 96", "max_tokens: 32"))
    recipe = re.sub(r"samples: 2\n  privileges:\n(?:    .*\n)*", f"samples: 1\n  privileges: {privileges}\n", recipe)
    (folder / "recipe.yaml").write_text(recipe)
    run = Run.create(load_recipe(folder / "recipe.yaml"), folder / "run")
    for stage in (TASKS_STAGE, GENERATE, VERIFY):
        stage.make(run)
    return run


@pytest.mark.model
def test_the_model_criticizes_its_own_attempts(tmp_path: Path) -> None:
    run = generated("critique", tmp_path, 4, "[unguided, critique]")
    notes, traces = run.scan(NOTES).collect(), run.scan(TRACES).collect()
    attempts = traces.filter(privilege="unguided")
    assert notes.height
    assert set(notes["context_id"]) <= set(attempts["trace_id"])
    shown = run.scan(SHOWN_NOTES).join(run.scan(CONTEXTS).select("context_id", "text"), on="context_id").collect()
    texts = dict(notes.select("trace_id", "response").iter_rows())
    assert all(row["text"].endswith(texts[row["note_id"]].strip()) for row in shown.iter_rows(named=True))
    assert set(shown["context_id"]) == set(traces.filter(privilege="critique")["context_id"])


@pytest.mark.model
def test_the_model_is_shown_its_lessons_from_other_tasks(tmp_path: Path) -> None:
    run = generated("lessons", tmp_path, 4, "[unguided, {lessons: {pool: 4, count: 1}}]")
    notes = {row["trace_id"]: row for row in run.scan(NOTES).collect().iter_rows(named=True)}
    tasks = {row["task_id"]: row for row in run.scan(TASKS).collect().iter_rows(named=True)}
    contexts = {row["context_id"]: row for row in run.scan(CONTEXTS).collect().iter_rows(named=True)}
    assert notes
    for row in run.scan(SHOWN_NOTES).collect().iter_rows(named=True):
        task = tasks[contexts[row["context_id"]]["task_id"]]
        assert row["task_id"] == notes[row["note_id"]]["task_id"] != task["task_id"]
        assert task["solution"] not in contexts[row["context_id"]]["text"]
    guided = run.scan(TRACES).filter(pl.col("privilege") == "lessons").collect()
    assert set(guided["context_id"]) == contexts.keys()
    before = {path: path.read_bytes() for path in sorted(run.path.rglob("*.parquet"))}
    GENERATE.make(run)
    assert {path: path.read_bytes() for path in sorted(run.path.rglob("*.parquet"))} == before
