"""Imports of a few rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from infogap.imports.stage import STAGE
from infogap.runs.run_folder import Run
from infogap.runs.stage import Outcome
from infogap.schema import Table
from infogap.tasks import STAGE as TASKS_STAGE
from tasks.small_recipes import import_run, write_jsonl

SUM = {"question": "What is 1 + 1?", "answer": "2"}
PRODUCT = {"question": "What is 2 * 3?", "answer": "6"}


def import_rows(folder: Path, rows: list[dict[str, Any]], source: str) -> tuple[Run, Outcome]:
    write_jsonl(folder / "traces.jsonl", rows)
    run = import_run(folder, f"  - {{from: traces.jsonl, {source}}}")
    TASKS_STAGE.make(run)
    return run, STAGE.make(run)


def table_of(run: Run, table: Table) -> pl.DataFrame:
    return pl.concat(run.parts(table))
