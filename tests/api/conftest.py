"""A small run of imported traces, made once through the API."""

from __future__ import annotations

from pathlib import Path

import pytest

import infogap

TRACES = Path(__file__).parents[2] / "recipes" / "data" / "traces.jsonl"


@pytest.fixture(scope="session")
def recipe() -> dict[str, object]:
    columns = {
        "question": "problem",
        "answer": "gold",
        "family": "topic",
        "trace": "generations",
        "teacher": "model",
        "privilege": "condition",
    }
    return {"name": "small", "import": [{"from": str(TRACES), "columns": columns}]}


@pytest.fixture(scope="session")
def run(recipe: dict[str, object], tmp_path_factory: pytest.TempPathFactory) -> infogap.Run:
    """The run, up to date."""
    created = infogap.Run.create(recipe, tmp_path_factory.mktemp("runs") / "small")
    created.update(quiet=True)
    return created
