"""Runs to look at, made once."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from infogap.runs.run_folder import Run
from view.viewed_run import make_run


@pytest.fixture(scope="session")
def viewed(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run with everything that the pages show, hostile texts too. Not to be changed."""
    return make_run(tmp_path_factory.mktemp("viewed"))


@pytest.fixture
def own_run(viewed: Run, tmp_path: Path) -> Run:
    """The same run in a folder of the test's own, for tests that write to it."""
    shutil.copytree(viewed.path, tmp_path / "run")
    return Run.open(tmp_path / "run")
