"""A small run, and a Hub to push it to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.server import Hub
from infogap.charts import drawing
from publish.small_run import Build, build_run
from servers.serve import serve


@pytest.fixture
def charts() -> None:
    """Draw the charts of cards; other tests publish as where matplotlib is missing, in half the time."""


@pytest.fixture(autouse=True)
def _charts_if_asked_for(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if "charts" not in request.fixturenames:
        monkeypatch.setattr(drawing, "available", lambda: False)


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """`build(name="run", ...)`: a run in a folder of its own, as `build_run` makes it."""
    return lambda name="first", **options: build_run(tmp_path / name, **options)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A Hub that HF_ENDPOINT points to, with a token that may write."""
    state = Hub()
    with serve(state.app) as url:
        monkeypatch.setenv("HF_ENDPOINT", url)
        monkeypatch.setenv("HF_TOKEN", state.token)
        yield state
