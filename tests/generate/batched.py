"""A run whose teacher answers in batches."""

from pathlib import Path

import polars as pl
import pytest

from infogap.generate import batch_sending, batch_waiting
from infogap.recipe import load_recipe
from infogap.runs.run_folder import Run
from infogap.schema import TASKS, TRACES
from infogap.teachers.openai import http_servers

TASK_COUNT = 5


def shorten_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name in (
        (http_servers, "FIRST_WAIT"),
        (http_servers, "LONGEST_WAIT"),
        (batch_waiting, "FIRST_WAIT"),
        (batch_sending, "FIRST_WAIT"),
    ):
        monkeypatch.setattr(module, name, 0.01)


def make_run(folder: Path, url: str, *overrides: str, mode: str = "batch") -> Run:
    """Ten requests in 2 cells for each of 5 tasks; at most 4 in a batch."""
    folder.mkdir(exist_ok=True)
    file = folder / "recipe.yaml"
    limits = ", batch: {requests: 4}" if mode == "batch" else ""
    file.write_text(
        "name: demo\n"
        "tasks: [{from: tasks.jsonl}]\n"
        f"teacher: {{backend: openai, model: m, base_url: {url}, mode: {mode}, attempts: 3{limits}}}\n"
        "generate: {samples: 1, privileges: [unguided, answer]}\n"
    )
    run = Run.create(load_recipe(file, list(overrides)), folder / "run")
    if not run.part_paths(TASKS):
        rows = [
            dict.fromkeys(TASKS.schema.names())
            | {"task_id": f"t{n}", "family": "f", "question": f"{n}?", "answer": str(n), "verifier": "math"}
            for n in range(TASK_COUNT)
        ]
        with run.rewrite(TASKS) as out:
            out.write(TASKS.frame(rows))
    return run


def traces(run: Run) -> pl.DataFrame:
    return pl.concat(list(run.parts(TRACES)))


def tables(run: Run) -> dict[str, bytes]:
    """The files of the tables that generation writes."""
    return {
        str(path.relative_to(run.path)): path.read_bytes()
        for name in ("traces", "contexts", "tokens")
        for path in (run.path / name).glob("*.parquet")
    }
